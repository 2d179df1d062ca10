//! The kiosk itself as the simulators' guest: a traveller made of code, and the program that is killed.

pub mod guest;
pub mod robot;
