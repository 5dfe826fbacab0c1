//! The visitor's side: a keep-alive connection, cookies, and just enough HTML to press a button.

mod browser;
mod connection;

pub(crate) use browser::{Browser, Parked, read_page};
pub(crate) use connection::{Connection, Reply};
pub(crate) use example_page::{Control, Page, PageForm};
