//! Distributed key generation, one participant and part at a time.

use std::collections::BTreeMap;

use line::{Failure, Operation, Seed};
use serde::{Deserialize, Serialize};

use crate::{
    frost::{
        keys::{
            dkg::{part1, part2, part3, round1, round2},
            KeyPackage, PublicKeyPackage,
        },
        Identifier,
    },
    refusal,
};

/// A participant's polynomial and its proof.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part1 {
    seed: Seed,
    identifier: Identifier,
    max_signers: u16,
    min_signers: u16,
}

/// What the participant keeps, and what it sends to all.
#[derive(Serialize)]
pub struct Round1 {
    secret: round1::SecretPackage,
    package: round1::Package,
}

impl Operation for Part1 {
    type Output = Round1;

    fn run(&self) -> Result<Round1, Failure> {
        let (secret, package) = part1(
            self.identifier,
            self.max_signers,
            self.min_signers,
            self.seed.rng(),
        )
        .map_err(refusal)?;
        Ok(Round1 { secret, package })
    }
}

/// The others' proofs checked, and the shares for them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part2 {
    secret: round1::SecretPackage,
    round1: BTreeMap<Identifier, round1::Package>,
}

/// What the participant keeps, and what it sends to each other one.
#[derive(Serialize)]
pub struct Round2 {
    secret: round2::SecretPackage,
    packages: BTreeMap<Identifier, round2::Package>,
}

impl Operation for Part2 {
    type Output = Round2;

    fn run(&self) -> Result<Round2, Failure> {
        let (secret, packages) = part2(self.secret.clone(), &self.round1).map_err(refusal)?;
        Ok(Round2 { secret, packages })
    }
}

/// The others' shares checked, and the keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part3 {
    secret: round2::SecretPackage,
    round1: BTreeMap<Identifier, round1::Package>,
    round2: BTreeMap<Identifier, round2::Package>,
}

/// The participant's own key, and everybody's public ones.
#[derive(Serialize)]
pub struct Keys {
    key: KeyPackage,
    public: PublicKeyPackage,
}

impl Operation for Part3 {
    type Output = Keys;

    fn run(&self) -> Result<Keys, Failure> {
        let (key, public) = part3(&self.secret, &self.round1, &self.round2).map_err(refusal)?;
        Ok(Keys { key, public })
    }
}
