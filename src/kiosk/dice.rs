//! Where the loop's random numbers come from: ids, claim codes, names of profiles.

/// A source of random numbers.
#[derive(Debug, Clone)]
pub enum Dice {
    /// The operating system's: for everything that is sold.
    System,
    /// Drawn from a seed, for simulations that must play again exactly as they were: never in front of a traveller,
    /// who could guess the next claim code.
    Seeded(u64),
}

/// The operating system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers: the machine must be restarted")]
pub struct NoRandomness;

impl Dice {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        match self {
            Dice::System => getrandom::fill(bytes).map_err(|_| NoRandomness),
            Dice::Seeded(state) => {
                for byte in bytes {
                    // SplitMix64: every state draws another number, and all of them in the end.
                    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    *byte = (mixed >> 56).to_le_bytes()[0];
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(mut dice: Dice) -> [u8; 32] {
        let mut bytes = [0; 32];
        dice.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_seed_draws_the_same_again_and_the_system_never_does() {
        assert_eq!(draw(Dice::Seeded(7)), draw(Dice::Seeded(7)));
        assert_ne!(draw(Dice::Seeded(7)), draw(Dice::Seeded(8)));
        assert_ne!(draw(Dice::System), draw(Dice::System));
    }
}
