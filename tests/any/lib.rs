//! Guests that know nothing of Tollgate. Each folder is one; this library is empty.
