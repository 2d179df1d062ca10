//! Every state of every screen as a picture, with what is wrong with it.

pub mod samples;
pub mod samples_sale;
