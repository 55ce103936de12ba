//! Messages sealed with Noise, as frost-client does: one state for each direction, whose
//! first message is that of the handshake.

use line::{perform, Answer, Bytes, Failure, Operation};
use serde::Deserialize;
use serde_json::value::RawValue;
use snow::{Builder, HandshakeState, TransportState};

const PATTERN: &str = "Noise_K_25519_ChaChaPoly_BLAKE2s";

pub fn answer(op: &str, request: &RawValue, repeat: Option<u32>) -> Answer {
    match op {
        "seal" => perform::<Seal>(request, repeat),
        "open" => perform::<Open>(request, repeat),
        _ => Err(Failure::fault("no such operation")),
    }
}

/// A direction before its first message, and after it.
enum Direction {
    Handshake(Box<HandshakeState>),
    Transport(Box<TransportState>),
}

impl Direction {
    fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, snow::Error> {
        let mut buffer = vec![0; 65_535];
        let length = match self {
            Self::Handshake(state) => state.write_message(message, &mut buffer)?,
            Self::Transport(state) => state.write_message(message, &mut buffer)?,
        };
        buffer.truncate(length);
        Ok(buffer)
    }

    fn open(&mut self, message: &[u8]) -> Result<Vec<u8>, snow::Error> {
        let mut buffer = vec![0; 65_535];
        let length = match self {
            Self::Handshake(state) => state.read_message(message, &mut buffer)?,
            Self::Transport(state) => state.read_message(message, &mut buffer)?,
        };
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Goes on to transport messages once the handshake is finished.
    fn advance(self) -> Result<Self, snow::Error> {
        match self {
            Self::Handshake(state) if state.is_handshake_finished() => {
                Ok(Self::Transport(Box::new(state.into_transport_mode()?)))
            }
            unchanged => Ok(unchanged),
        }
    }
}

/// Handles the messages of a direction in order; null is a message that was refused.
fn each(
    handshake: HandshakeState,
    messages: &[Bytes],
    handle: impl Fn(&mut Direction, &[u8]) -> Result<Vec<u8>, snow::Error>,
) -> Result<Vec<Option<Bytes>>, Failure> {
    let mut direction = Direction::Handshake(Box::new(handshake));
    let mut results = Vec::new();
    for message in messages {
        results.push(handle(&mut direction, &message.0).ok().map(Bytes));
        direction = direction.advance().map_err(Failure::refused)?;
    }
    Ok(results)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    private: Bytes,
    peer: Bytes,
    ephemeral: Bytes,
    messages: Vec<Bytes>,
}

impl Operation for Seal {
    type Output = Vec<Option<Bytes>>;

    fn run(&self) -> Result<Self::Output, Failure> {
        let handshake = Builder::new(PATTERN.parse().map_err(Failure::fault)?)
            .local_private_key(&self.private.0)
            .remote_public_key(&self.peer.0)
            .fixed_ephemeral_key_for_testing_only(&self.ephemeral.0)
            .build_initiator()
            .map_err(Failure::refused)?;
        each(handshake, &self.messages, Direction::seal)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    private: Bytes,
    peer: Bytes,
    messages: Vec<Bytes>,
}

impl Operation for Open {
    type Output = Vec<Option<Bytes>>;

    fn run(&self) -> Result<Self::Output, Failure> {
        let handshake = Builder::new(PATTERN.parse().map_err(Failure::fault)?)
            .local_private_key(&self.private.0)
            .remote_public_key(&self.peer.0)
            .build_responder()
            .map_err(Failure::refused)?;
        each(handshake, &self.messages, Direction::open)
    }
}
