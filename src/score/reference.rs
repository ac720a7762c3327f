//! placeholder, replaced
