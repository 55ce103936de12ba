//! What the lines of the protocol are made of: operations and their answers.

use std::{fmt::Display, hint::black_box, time::Instant};

use rand_chacha::{rand_core::SeedableRng, ChaCha20Rng};
use serde::{de::DeserializeOwned, Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{to_raw_value, RawValue};

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// The crates refuse what they were handed.
    Refused {
        /// The crate's own words.
        reason: String,
        /// The participants whom the crate blames, by their identifiers in hex.
        culprits: Vec<String>,
    },
    /// The request makes no sense, which is a mistake of the caller.
    Fault(String),
}

impl Failure {
    /// A refusal that blames nobody.
    pub fn refused(reason: impl Display) -> Self {
        Self::Refused {
            reason: reason.to_string(),
            culprits: Vec::new(),
        }
    }

    /// A mistake of the caller.
    pub fn fault(reason: impl Display) -> Self {
        Self::Fault(reason.to_string())
    }
}

/// The answer to a request: a value in JSON, or why there is none.
pub type Answer = Result<Box<RawValue>, Failure>;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Ok(Box<RawValue>),
    Refused {
        reason: String,
        culprits: Vec<String>,
    },
    Fault(String),
}

/// One line of output, without the end of the line.
///
/// # Errors
///
/// None are expected: an answer is JSON.
pub fn line(answer: Answer) -> serde_json::Result<String> {
    serde_json::to_string(&match answer {
        Ok(value) => Line::Ok(value),
        Err(Failure::Refused { reason, culprits }) => Line::Refused { reason, culprits },
        Err(Failure::Fault(reason)) => Line::Fault(reason),
    })
}

/// An operation with all that it works on.
pub trait Operation: DeserializeOwned {
    /// The result.
    type Output: Serialize;

    /// Does it.
    ///
    /// # Errors
    ///
    /// The crates refuse, or the request makes no sense.
    fn run(&self) -> Result<Self::Output, Failure>;
}

/// Does an operation and answers with its result. With `repeat`, does it that many times
/// and answers with the microseconds of each run, in which decoding the request is not
/// counted. Runs that end in a refusal count like others.
///
/// # Errors
///
/// Those of the operation, and a request that does not describe one.
pub fn perform<O: Operation>(request: &RawValue, repeat: Option<u32>) -> Answer {
    let operation: O = serde_json::from_str(request.get()).map_err(Failure::fault)?;
    match repeat {
        Some(repeat) => to_raw_value(&time(&operation, repeat)?),
        None => to_raw_value(&operation.run()?),
    }
    .map_err(Failure::refused)
}

fn time<O: Operation>(operation: &O, repeat: u32) -> Result<Vec<f64>, Failure> {
    let mut micros = Vec::new();
    for _ in 0..repeat {
        let start = Instant::now();
        let result = black_box(operation.run());
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        if let Err(Failure::Fault(reason)) = result {
            return Err(Failure::Fault(reason));
        }
    }
    Ok(micros)
}

/// A byte string, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::deserialize(deserializer).map(Self)
    }
}

/// The seed of an operation's randomness: `ChaCha20` with this key, nonce 0, from block 0.
#[derive(Clone, Deserialize)]
pub struct Seed(#[serde(with = "hex")] [u8; 32]);

impl Seed {
    /// A new generator of the seed's stream.
    #[must_use]
    pub fn rng(&self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.0)
    }
}
