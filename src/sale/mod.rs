//! THE HEART: the rules of money and goods.

pub mod activation;
pub mod claim;
pub mod id;
pub mod offer;
pub mod receipt;
pub mod transaction;
