//! Identifiers, keys from a dealer, and single-party signatures.

use std::collections::BTreeMap;

use line::{Bytes, Failure, Operation, Seed};
use serde::{Deserialize, Serialize};

use crate::{
    frost::{
        keys::{self, IdentifierList, KeyPackage, PublicKeyPackage, SecretShare},
        Identifier, Signature, SigningKey, VerifyingKey,
    },
    refusal,
};

/// The identifier of a number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    number: u16,
}

impl Operation for Number {
    type Output = Identifier;

    fn run(&self) -> Result<Identifier, Failure> {
        Identifier::try_from(self.number).map_err(refusal)
    }
}

/// The identifier that is derived from bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    bytes: Bytes,
}

impl Operation for Derive {
    type Output = Identifier;

    fn run(&self) -> Result<Identifier, Failure> {
        Identifier::derive(&self.bytes.0).map_err(refusal)
    }
}

/// Identifiers in the crates' order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    identifiers: Vec<Identifier>,
}

impl Operation for Sort {
    type Output = Vec<Identifier>;

    fn run(&self) -> Result<Self::Output, Failure> {
        let mut sorted = self.identifiers.clone();
        sorted.sort();
        Ok(sorted)
    }
}

/// What a dealer hands out.
#[derive(Serialize)]
pub struct Dealt {
    shares: BTreeMap<Identifier, SecretShare>,
    public: PublicKeyPackage,
}

/// A new key, dealt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    seed: Seed,
    identifiers: Vec<Identifier>,
    min_signers: u16,
}

impl Operation for Deal {
    type Output = Dealt;

    fn run(&self) -> Result<Dealt, Failure> {
        let (shares, public) = keys::generate_with_dealer(
            count(&self.identifiers)?,
            self.min_signers,
            IdentifierList::Custom(&self.identifiers),
            self.seed.rng(),
        )
        .map_err(refusal)?;
        Ok(Dealt { shares, public })
    }
}

/// A given key, dealt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    seed: Seed,
    key: Bytes,
    identifiers: Vec<Identifier>,
    min_signers: u16,
}

impl Operation for Split {
    type Output = Dealt;

    fn run(&self) -> Result<Dealt, Failure> {
        let key = SigningKey::deserialize(&self.key.0).map_err(refusal)?;
        let (shares, public) = keys::split(
            &key,
            count(&self.identifiers)?,
            self.min_signers,
            IdentifierList::Custom(&self.identifiers),
            &mut self.seed.rng(),
        )
        .map_err(refusal)?;
        Ok(Dealt { shares, public })
    }
}

fn count(identifiers: &[Identifier]) -> Result<u16, Failure> {
    u16::try_from(identifiers.len()).map_err(Failure::fault)
}

/// A dealer's share, checked against the dealer's commitment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckShare {
    share: SecretShare,
}

impl Operation for CheckShare {
    type Output = KeyPackage;

    fn run(&self) -> Result<KeyPackage, Failure> {
        KeyPackage::try_from(self.share.clone()).map_err(refusal)
    }
}

/// A signature by one who holds the whole key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignAlone {
    seed: Seed,
    key: Bytes,
    message: Bytes,
}

/// A signature and the key that it verifies with.
#[derive(Serialize)]
pub struct Signed {
    signature: Signature,
    verifying_key: VerifyingKey,
}

impl Operation for SignAlone {
    type Output = Signed;

    fn run(&self) -> Result<Signed, Failure> {
        let key = SigningKey::deserialize(&self.key.0).map_err(refusal)?;
        Ok(Signed {
            signature: key.sign(self.seed.rng(), &self.message.0),
            verifying_key: VerifyingKey::from(&key),
        })
    }
}
