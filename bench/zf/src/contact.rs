//! Contact strings as frost-client makes and reads them: bech32m of postcard.

use bech32::{Bech32m, Hrp};
use line::{perform, Answer, Bytes, Failure, Operation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const PREFIX: &str = "zffrost";

pub fn answer(op: &str, request: &RawValue, repeat: Option<u32>) -> Answer {
    match op {
        "encode" => perform::<Contact>(request, repeat),
        "decode" => perform::<Text>(request, repeat),
        _ => Err(Failure::fault("no such operation")),
    }
}

/// The fields and forms of frost-client's own type.
#[derive(Serialize, Deserialize)]
struct Contact {
    version: Option<u8>,
    name: String,
    #[serde(
        serialize_with = "serdect::slice::serialize_hex_lower_or_bin",
        deserialize_with = "serdect::slice::deserialize_hex_or_bin_vec"
    )]
    pubkey: Vec<u8>,
}

impl Operation for Contact {
    type Output = String;

    fn run(&self) -> Result<String, Failure> {
        let payload = postcard::to_allocvec(self).map_err(Failure::refused)?;
        let prefix = Hrp::parse(PREFIX).map_err(Failure::fault)?;
        bech32::encode::<Bech32m>(prefix, &payload).map_err(Failure::refused)
    }
}

/// A contact string, in UTF-8.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: Bytes,
}

impl Operation for Text {
    type Output = Contact;

    fn run(&self) -> Result<Contact, Failure> {
        let text = std::str::from_utf8(&self.text.0).map_err(Failure::refused)?;
        let (prefix, payload) = bech32::decode(text).map_err(Failure::refused)?;
        if prefix.as_str() != PREFIX {
            return Err(Failure::refused("invalid contact format"));
        }
        postcard::from_bytes(&payload).map_err(Failure::refused)
    }
}
