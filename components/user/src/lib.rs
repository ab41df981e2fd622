//! Accounts, signing in, sessions.
