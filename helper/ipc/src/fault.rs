//! [`Fault`] on the wire: as a message, and inside the status of a failed call.

use hawser_fault::{Code, Fault};
use prost::Message;
use tonic::Status;

use crate::{limits, proto};

impl From<&Fault> for proto::Fault {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.as_str().to_owned(),
            detail: cut(&fault.detail).to_owned(),
            fix: cut(&fault.fix).to_owned(),
        }
    }
}

impl From<Fault> for proto::Fault {
    fn from(fault: Fault) -> Self {
        Self::from(&fault)
    }
}

impl From<proto::Fault> for Fault {
    /// A code of a newer program keeps its text and becomes [`Code::Internal`].
    fn from(message: proto::Fault) -> Self {
        match Code::parse(&message.code) {
            Some(code) => Self { code, detail: message.detail, fix: message.fix },
            None => {
                let detail = format!("{} ({})", message.detail, message.code);
                Self { code: Code::Internal, detail, fix: message.fix }
            }
        }
    }
}

/// The status of a call that failed with `fault`; [`from_status`] takes it out again.
pub fn to_status(fault: &Fault) -> Status {
    let details = proto::Fault::from(fault).encode_to_vec();
    Status::with_details(grpc_code(fault.code), fault.code.title(), details.into())
}

/// What a failed call says: the helper's own fault, or why none arrived.
pub fn from_status(status: &Status) -> Fault {
    if !status.details().is_empty()
        && let Ok(message) = proto::Fault::decode(status.details())
    {
        return message.into();
    }
    let code = match status.code() {
        tonic::Code::Unimplemented => Code::HelperVersion,
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => Code::LimitReached,
        // What tonic makes of a connection that broke under a call.
        tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::Cancelled => Code::HelperUnreachable,
        _ => Code::Internal,
    };
    let detail = match code {
        Code::HelperVersion => format!("the helper does not know this call: {}", status.message()),
        Code::HelperUnreachable => format!("the helper ended the call without an answer: {}", status.message()),
        _ => format!("the call to the helper failed: {}", status.message()),
    };
    Fault::new(code, detail)
}

/// The nearest status, for clients that know only gRPC.
fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::HelperNotAllowed | Code::NotOwner => tonic::Code::PermissionDenied,
        Code::NotConnected | Code::InterceptUnknown => tonic::Code::NotFound,
        Code::AlreadyConnected | Code::InterceptExists => tonic::Code::AlreadyExists,
        Code::LimitReached => tonic::Code::ResourceExhausted,
        Code::BadArgument | Code::ConfigMalformed | Code::KeyMalformed => tonic::Code::InvalidArgument,
        Code::Internal => tonic::Code::Internal,
        _ => tonic::Code::FailedPrecondition,
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::FAULT_TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_fault::CODES;

    #[test]
    fn every_code_survives_the_wire() {
        for code in CODES {
            let fault = Fault::new(*code, "tried “this” on that").with_fix("do the other");
            assert_eq!(from_status(&to_status(&fault)), fault);
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_text() {
        let message = proto::Fault { code: "from-the-future".into(), detail: "it broke".into(), fix: "wait".into() };
        let fault = Fault::from(message);
        assert_eq!(fault.code, Code::Internal);
        assert_eq!(fault.detail, "it broke (from-the-future)");
        assert_eq!(fault.fix, "wait");
    }

    #[test]
    fn a_status_without_a_fault_says_what_is_known() {
        for (status, code) in [
            (Status::unimplemented(""), Code::HelperVersion),
            (Status::out_of_range("too large"), Code::LimitReached),
            (Status::unavailable("broken pipe"), Code::HelperUnreachable),
            (Status::data_loss("odd"), Code::Internal),
        ] {
            assert_eq!(from_status(&status).code, code);
        }
        let garbage = Status::with_details(tonic::Code::Internal, "odd", bytes::Bytes::from_static(b"\xff\xff"));
        assert_eq!(from_status(&garbage).code, Code::Internal);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let fault = Fault::new(Code::Internal, "é".repeat(limits::FAULT_TEXT));
        let back = from_status(&to_status(&fault));
        assert_eq!(back.detail.len(), limits::FAULT_TEXT);
        assert!(fault.detail.starts_with(&back.detail));
    }
}
