use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong in a file of the user's, where it stands, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named to us.
    pub file: PathBuf,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the file as a whole is meant.
    pub column: usize,
    /// What is wrong, in lower case.
    pub message: String,
}

impl Mistake {
    /// About the file as a whole: it can't be opened, say.
    pub(super) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Mistake { file: file.to_owned(), line: 0, column: 0, message: message.into() }
    }

    /// At the byte `offset` of the file's `text`.
    pub(super) fn at(file: &Path, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].trim_start_matches('\u{FEFF}').chars().count() + 1;
        Mistake { file: file.to_owned(), line, column, message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for Mistake {}
