//! The C ABI of Bellwire.
