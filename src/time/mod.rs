//! From a printed time to an instant.
