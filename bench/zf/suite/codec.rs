//! The wire forms of every type.

use line::{Bytes, Failure, Operation};
use serde::{de::DeserializeOwned, Deserialize, Serialize};

use crate::{
    frost::{
        keys::{
            dkg::{round1, round2},
            KeyPackage, PublicKeyPackage, SecretShare, SigningShare, VerifyingShare,
        },
        round1::{SigningCommitments, SigningNonces},
        round2::SignatureShare,
        Error, Identifier, Signature, SigningPackage, VerifyingKey,
    },
    refusal,
};

/// A type with its two forms: JSON by serde, and the bytes of its own methods, which are
/// postcard but for the types that are a bare scalar, element or signature.
trait Wire: Serialize + DeserializeOwned {
    fn to_bytes(&self) -> Result<Vec<u8>, Error>;
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error>;
}

macro_rules! wire {
    ($($name:ty: $encoded:ident => $result:expr;)*) => {$(
        impl Wire for $name {
            fn to_bytes(&self) -> Result<Vec<u8>, Error> {
                let $encoded = self.serialize();
                $result
            }

            fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
                Self::deserialize(bytes)
            }
        }
    )*};
}

wire! {
    Identifier: bytes => Ok(bytes);
    KeyPackage: result => result;
    PublicKeyPackage: result => result;
    SecretShare: result => result;
    Signature: result => result;
    SignatureShare: bytes => Ok(bytes);
    SigningCommitments: result => result;
    SigningNonces: result => result;
    SigningPackage: result => result;
    SigningShare: bytes => Ok(bytes);
    VerifyingKey: result => result;
    VerifyingShare: result => result;
    round1::Package: result => result;
    round1::SecretPackage: result => result;
    round2::Package: result => result;
    round2::SecretPackage: result => result;
}

#[derive(Clone, Copy, Deserialize)]
enum Kind {
    Identifier,
    KeyPackage,
    PublicKeyPackage,
    Round1Package,
    Round1SecretPackage,
    Round2Package,
    Round2SecretPackage,
    SecretShare,
    Signature,
    SignatureShare,
    SigningCommitments,
    SigningNonces,
    SigningPackage,
    SigningShare,
    VerifyingKey,
    VerifyingShare,
}

impl Kind {
    fn codec(self) -> Codec {
        match self {
            Self::Identifier => Codec::of::<Identifier>(),
            Self::KeyPackage => Codec::of::<KeyPackage>(),
            Self::PublicKeyPackage => Codec::of::<PublicKeyPackage>(),
            Self::Round1Package => Codec::of::<round1::Package>(),
            Self::Round1SecretPackage => Codec::of::<round1::SecretPackage>(),
            Self::Round2Package => Codec::of::<round2::Package>(),
            Self::Round2SecretPackage => Codec::of::<round2::SecretPackage>(),
            Self::SecretShare => Codec::of::<SecretShare>(),
            Self::Signature => Codec::of::<Signature>(),
            Self::SignatureShare => Codec::of::<SignatureShare>(),
            Self::SigningCommitments => Codec::of::<SigningCommitments>(),
            Self::SigningNonces => Codec::of::<SigningNonces>(),
            Self::SigningPackage => Codec::of::<SigningPackage>(),
            Self::SigningShare => Codec::of::<SigningShare>(),
            Self::VerifyingKey => Codec::of::<VerifyingKey>(),
            Self::VerifyingShare => Codec::of::<VerifyingShare>(),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Json,
    Postcard,
}

/// What can be done with the forms of one type.
struct Codec {
    decode: fn(Form, &[u8]) -> Result<(), Failure>,
    recode: fn(Form, &[u8]) -> Result<Recoded, Failure>,
}

impl Codec {
    fn of<T: Wire>() -> Self {
        Self {
            decode: |form, input| read::<T>(form, input).map(drop),
            recode: |form, input| write(&read::<T>(form, input)?),
        }
    }
}

fn read<T: Wire>(form: Form, input: &[u8]) -> Result<T, Failure> {
    match form {
        Form::Json => serde_json::from_slice(input).map_err(Failure::refused),
        Form::Postcard => T::from_bytes(input).map_err(refusal),
    }
}

fn write<T: Wire>(value: &T) -> Result<Recoded, Failure> {
    Ok(Recoded {
        json: Bytes(serde_json::to_vec(value).map_err(Failure::refused)?),
        postcard: Bytes(value.to_bytes().map_err(refusal)?),
    })
}

/// Decodes a value and encodes it in both forms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recode {
    r#type: Kind,
    form: Form,
    input: Bytes,
}

/// Both forms of a value.
#[derive(Serialize)]
pub struct Recoded {
    json: Bytes,
    postcard: Bytes,
}

impl Operation for Recode {
    type Output = Recoded;

    fn run(&self) -> Result<Recoded, Failure> {
        (self.r#type.codec().recode)(self.form, &self.input.0)
    }
}

/// Decodes values one after another, up to the first that is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    r#type: Kind,
    form: Form,
    inputs: Vec<Bytes>,
}

impl Operation for Decode {
    type Output = ();

    fn run(&self) -> Result<(), Failure> {
        let decode = self.r#type.codec().decode;
        self.inputs
            .iter()
            .try_for_each(|input| decode(self.form, &input.0))
    }
}
