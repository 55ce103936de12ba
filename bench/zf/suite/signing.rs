//! Signing, aggregation and verification.

use std::collections::BTreeMap;

use line::{Bytes, Failure, Operation, Seed};
use serde::{Deserialize, Serialize};

use crate::{
    frost::{
        self,
        keys::{KeyPackage, PublicKeyPackage},
        round1::{SigningCommitments, SigningNonces},
        round2::SignatureShare,
        Identifier, Signature, SigningPackage, VerifyingKey,
    },
    refusal,
};

/// Nonces and the commitments to them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    seed: Seed,
    key: KeyPackage,
}

/// What the signer keeps, and what it sends to the coordinator.
#[derive(Serialize)]
pub struct Committed {
    nonces: SigningNonces,
    commitments: SigningCommitments,
}

impl Operation for Commit {
    type Output = Committed;

    fn run(&self) -> Result<Committed, Failure> {
        let (nonces, commitments) =
            frost::round1::commit(self.key.signing_share(), &mut self.seed.rng());
        Ok(Committed {
            nonces,
            commitments,
        })
    }
}

/// The coordinator's package of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    commitments: BTreeMap<Identifier, SigningCommitments>,
    message: Bytes,
}

impl Operation for Package {
    type Output = SigningPackage;

    fn run(&self) -> Result<SigningPackage, Failure> {
        Ok(SigningPackage::new(
            self.commitments.clone(),
            &self.message.0,
        ))
    }
}

/// A signer's share of a signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    package: SigningPackage,
    nonces: SigningNonces,
    key: KeyPackage,
}

impl Operation for Sign {
    type Output = SignatureShare;

    fn run(&self) -> Result<SignatureShare, Failure> {
        frost::round2::sign(&self.package, &self.nonces, &self.key).map_err(refusal)
    }
}

/// The signature of the signers' shares, or who sent a wrong one: the first of them, or in
/// version 3 if asked for all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    package: SigningPackage,
    shares: BTreeMap<Identifier, SignatureShare>,
    public: PublicKeyPackage,
    #[serde(default)]
    all_culprits: bool,
}

impl Operation for Aggregate {
    type Output = Signature;

    fn run(&self) -> Result<Signature, Failure> {
        if self.all_culprits {
            return self.blame_all();
        }
        frost::aggregate(&self.package, &self.shares, &self.public).map_err(refusal)
    }
}

impl Aggregate {
    #[cfg(feature = "v3")]
    fn blame_all(&self) -> Result<Signature, Failure> {
        frost::aggregate_custom(
            &self.package,
            &self.shares,
            &self.public,
            frost::CheaterDetection::AllCheaters,
        )
        .map_err(refusal)
    }

    #[cfg(not(feature = "v3"))]
    #[allow(clippy::unused_self)]
    fn blame_all(&self) -> Result<Signature, Failure> {
        Err(Failure::fault("version 2 names the first culprit only"))
    }
}

/// One signer's share, checked by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyShare {
    identifier: Identifier,
    share: SignatureShare,
    package: SigningPackage,
    public: PublicKeyPackage,
}

impl Operation for VerifyShare {
    type Output = ();

    fn run(&self) -> Result<(), Failure> {
        let verifying_share = self
            .public
            .verifying_shares()
            .get(&self.identifier)
            .ok_or_else(|| refusal(frost::Error::UnknownIdentifier))?;
        frost_core::verify_signature_share(
            self.identifier,
            verifying_share,
            &self.share,
            &self.package,
            self.public.verifying_key(),
        )
        .map_err(refusal)
    }
}

/// A signature checked, with all that comes before it: decoding it and the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    key: Bytes,
    message: Bytes,
    signature: Bytes,
}

impl Operation for Verify {
    type Output = ();

    fn run(&self) -> Result<(), Failure> {
        let key = VerifyingKey::deserialize(&self.key.0).map_err(refusal)?;
        let signature = Signature::deserialize(&self.signature.0).map_err(refusal)?;
        key.verify(&self.message.0, &signature).map_err(refusal)
    }
}
