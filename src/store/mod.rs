//! What is kept between runs: live blogs, entries, and the state of what is followed.
