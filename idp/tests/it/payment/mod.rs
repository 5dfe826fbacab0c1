//! A shop asks for a payment; the person approves exactly this payee and amount, or nothing.

mod approving;
mod kinds;
mod logged;
mod receipts;
mod refunding;
mod refusing;
mod spoofing;
