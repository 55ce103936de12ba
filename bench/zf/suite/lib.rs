//! FROST over Ed25519 as the published crates do it. The same sources are compiled twice,
//! as the packages `v2` and `v3`, against version 2 and version 3 of the crates.

mod codec;
mod dkg;
mod keys;
mod signing;

use frost_ed25519 as frost;
use line::{perform, Answer, Failure};
use serde_json::value::RawValue;

/// Answers a request for the operation `op`, or with `repeat` times as many runs of it.
///
/// # Errors
///
/// The crates refuse, or the request makes no sense.
pub fn answer(op: &str, request: &RawValue, repeat: Option<u32>) -> Answer {
    match op {
        "number" => perform::<keys::Number>(request, repeat),
        "derive" => perform::<keys::Derive>(request, repeat),
        "sort" => perform::<keys::Sort>(request, repeat),
        "deal" => perform::<keys::Deal>(request, repeat),
        "split" => perform::<keys::Split>(request, repeat),
        "check_share" => perform::<keys::CheckShare>(request, repeat),
        "sign_alone" => perform::<keys::SignAlone>(request, repeat),
        "part1" => perform::<dkg::Part1>(request, repeat),
        "part2" => perform::<dkg::Part2>(request, repeat),
        "part3" => perform::<dkg::Part3>(request, repeat),
        "commit" => perform::<signing::Commit>(request, repeat),
        "package" => perform::<signing::Package>(request, repeat),
        "sign" => perform::<signing::Sign>(request, repeat),
        "aggregate" => perform::<signing::Aggregate>(request, repeat),
        "verify_share" => perform::<signing::VerifyShare>(request, repeat),
        "verify" => perform::<signing::Verify>(request, repeat),
        "recode" => perform::<codec::Recode>(request, repeat),
        "decode" => perform::<codec::Decode>(request, repeat),
        _ => Err(Failure::fault("no such operation")),
    }
}

/// An error of the crates, with those whom it blames.
#[cfg(feature = "v3")]
#[allow(clippy::needless_pass_by_value)] // for map_err
fn refusal(error: frost::Error) -> Failure {
    blame(&error, error.culprits())
}

/// An error of the crates, with the one whom it blames.
#[cfg(not(feature = "v3"))]
fn refusal(error: frost::Error) -> Failure {
    blame(&error, error.culprit())
}

fn blame(error: &frost::Error, culprits: impl IntoIterator<Item = frost::Identifier>) -> Failure {
    Failure::Refused {
        reason: error.to_string(),
        culprits: culprits
            .into_iter()
            .map(|id| hex::encode(id.serialize()))
            .collect(),
    }
}
