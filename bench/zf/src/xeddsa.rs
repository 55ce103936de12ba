//! `XEdDSA` signatures with X25519 keys, as the login of frostd takes them.

use line::{perform, Answer, Bytes, Failure, Operation, Seed};
use serde::Deserialize;
use serde_json::value::RawValue;
use xeddsa::{
    xed25519::{PrivateKey, PublicKey},
    Sign as _, Verify as _,
};

pub fn answer(op: &str, request: &RawValue, repeat: Option<u32>) -> Answer {
    match op {
        "sign" => perform::<Sign>(request, repeat),
        "verify" => perform::<Verify>(request, repeat),
        _ => Err(Failure::fault("no such operation")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    seed: Seed,
    #[serde(with = "hex")]
    private: [u8; 32],
    message: Bytes,
}

impl Operation for Sign {
    type Output = Bytes;

    fn run(&self) -> Result<Bytes, Failure> {
        let key = PrivateKey::from(&self.private);
        let signature: [u8; 64] = key.sign(&self.message.0, self.seed.rng());
        Ok(Bytes(signature.to_vec()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    #[serde(with = "hex")]
    public: [u8; 32],
    message: Bytes,
    signature: Bytes,
}

impl Operation for Verify {
    type Output = ();

    fn run(&self) -> Result<(), Failure> {
        let signature: [u8; 64] = self.signature.0[..].try_into().map_err(Failure::refused)?;
        PublicKey(self.public)
            .verify(&self.message.0, &signature)
            .map_err(|error| Failure::refused(format!("{error:?}")))
    }
}
