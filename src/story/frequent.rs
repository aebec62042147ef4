//! Words that say nothing of what happened: the small words of English, and those of every newsroom. Of other languages the
//! short ones are left out by their length, and the frequent ones weigh little by how often they stand beside.

use std::collections::HashSet;
use std::sync::LazyLock;

const SMALL: &str = "about above across after again against all almost along already also although always amid among and another any \
    anyone anything are around away back because become been before began begin behind being below between both but came can cannot \
    come could did does doing done down due during each early either else even ever every everyone far few first following for from \
    further gave get give given goes going gone got had half has have having her here him his how however into its itself just keep \
    kept know known last late later least less let like likely made make making many may maybe meanwhile might more most much must \
    near nearly need never new next not nothing now off often once one only onto other others our out outside over own part per \
    perhaps put quite rather really recent right said same saw say saying says see seen set several shall she should show since some \
    someone something soon still such take taken taking than that the their them then there these they thing this those though \
    through thus time times together told too took toward under until upon use used using very was way well went were what when \
    where whether which while who whole whom whose why will with within without would yet you your \
    it's that's there's we're they're don't doesn't didn't isn't wasn't";

const NEWSROOM: &str = "according added adding agency announced announcement asked blog breaking briefing comment comments confirm \
    confirmed correspondent correspondents coverage daily day days developments earlier editor evening expected explained follow \
    follows footage getty guide here's hour hours image images information interview journalist journalists latest live media \
    message minute minutes moment month months morning news newspaper night official officials people photo photograph photographs \
    picture pictures post posted press read reader readers report reported reporter reporters reporting reports source sources \
    spokesman spokesperson spokeswoman statement story subscribe summary tells today tomorrow tonight tweet tweeted twitter update \
    updated updates video watch week weekend weeks witness witnesses year years yesterday \
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october \
    november december gmt bst utc cet est mr mrs ms dr sir lord \
    afp apa ap bbc bloomberg cgtn cnn dpa dw guardian independent interfax itar meduza reuters sputnik tass xinhua";

static ALL: LazyLock<HashSet<&str>> =
    LazyLock::new(|| SMALL.split_whitespace().chain(NEWSROOM.split_whitespace()).collect());

/// Whether a word, in small letters, is one of them.
pub(super) fn is_frequent(word: &str) -> bool {
    ALL.contains(word)
}

/// What the headline of an entry says that sums up what was told before, or what is known anyway. It has something in common
/// with everything.
const RECAPS: &str = "what we know|what do we know|what you need to know|what has happened so far|what's happened so far|the story so far|\
    recap|summary|round-up|roundup|at a glance|in brief|key points|key events|key moments|key developments|main points|timeline|\
    explained|explainer|background|good morning|good afternoon|good evening|welcome to|closing|we're closing|that's it for|in pictures|\
    in photos|as it happened|read more|analysis|opinion|follow our|follow the latest|live updates|live blog|live coverage|\
    главное|что известно|was wir wissen|der überblick|die lage|cosa sappiamo|ce que l'on sait";

static RECAP: LazyLock<Vec<&str>> = LazyLock::new(|| RECAPS.split('|').map(str::trim).collect());

/// Whether a headline, in small letters, announces nothing new.
pub(super) fn is_recap(headline: &str) -> bool {
    let plain = headline.replace('’', "'");
    let whole = |at: usize, end: usize| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(plain[..at].chars().next_back()) && !letter(plain[end..].chars().next())
    };
    RECAP.iter().any(|phrase| plain.match_indices(phrase).any(|(at, found)| whole(at, at + found.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recaps_are_known_by_their_headlines() {
        for (headline, recap) in [
            ("what we know so far", true),
            ("recap: the day in almaty", true),
            ("afternoon summary", true),
            ("here’s what you need to know", true),
            ("live: follow our coverage of the dam", true),
            ("что известно к этому часу", true),
            ("police say two banks were looted", false),
            ("closings of schools", false),
            ("", false),
        ] {
            assert_eq!(is_recap(headline), recap, "{headline}");
        }
    }
}
