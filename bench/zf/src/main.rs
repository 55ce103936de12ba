//! Runs the published crates on requests, one a line of JSON on standard input, and answers
//! each with a line of JSON on standard output.

mod contact;
mod noise;
mod xeddsa;

use std::io::{self, BufRead, Write};

use line::{line, Answer, Failure};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    to: Recipient,
    op: &'a str,
    #[serde(borrow)]
    request: &'a RawValue,
    repeat: Option<u32>,
}

/// Whom a request is for.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recipient {
    Frost2,
    Frost3,
    Noise,
    Xeddsa,
    Contact,
}

fn answer(input: &str) -> Answer {
    let envelope: Envelope = serde_json::from_str(input).map_err(Failure::fault)?;
    let respond = match envelope.to {
        Recipient::Frost2 => v2::answer,
        Recipient::Frost3 => v3::answer,
        Recipient::Noise => noise::answer,
        Recipient::Xeddsa => xeddsa::answer,
        Recipient::Contact => contact::answer,
    };
    respond(envelope.op, envelope.request, envelope.repeat)
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for input in io::stdin().lock().lines() {
        writeln!(output, "{}", line(answer(&input?))?)?;
        output.flush()?;
    }
    Ok(())
}
