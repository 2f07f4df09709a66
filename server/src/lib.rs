//! Servers of SQL.
