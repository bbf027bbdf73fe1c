//! The protocols of AWS's services: how a request names its operation, and how answers and refusals are written.

use aws_smithy_cbor::Encoder;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::form::Form;
use super::refusal::{Refusal, Refused};
use super::rest::{self, Rest};
use super::xml::Xml;
use super::xml::element::Element;

/// The header in which JSON names version and operation.
const TARGET: &str = "x-amz-target";

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Forms in, XML of a namespace out.
    Query(&'static str),
    /// The same of EC2: lists in forms without `member`, and answers without a `Result`.
    Ec2(&'static str),
    /// JSON 1.0, which names version and operation in a header, and shapes by a namespace.
    Json(&'static str),
    /// Smithy's RPC v2 over CBOR, which names version and operation in the path, and shapes by a namespace.
    Cbor(&'static str),
    /// Method and path name the operation; parameters stand in path, query and an XML document, answers are XML.
    RestXml(&'static Rest),
}

/// What a request brings.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) operation: Option<String>,
    pub(super) version: Option<String>,
    /// The parameters, where they are a form.
    pub(super) form: Form,
    pub(super) body: Bytes,
    /// The document in the body, where one is sent; the error says why it is none.
    pub(super) document: Option<Result<Element, String>>,
}

/// What an operation answers, without the wrapping.
#[derive(Debug)]
pub(super) enum Output {
    /// The inside of the result.
    Xml(Vec<Xml>),
    /// A body as the protocol has it.
    Body(Vec<u8>),
    /// The inside of the answer.
    Document(Vec<Xml>),
    /// The inside of an answer about something new, and where it is.
    Made(Vec<Xml>, String),
}

impl Protocol {
    pub(super) fn is_spoken_in(self, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        let is_named = request.headers().contains_key(TARGET);
        match self {
            Self::Cbor(_) => path.starts_with("/service/"),
            Self::Json(_) => is_named,
            Self::RestXml(_) => rest::is_versioned(path),
            Self::Query(_) | Self::Ec2(_) => !is_named && !path.starts_with("/service/") && !rest::is_versioned(path),
        }
    }

    pub(super) fn read(self, request: &Request<Bytes>) -> Input {
        let body = request.body().clone();
        match self {
            Self::Query(_) | Self::Ec2(_) => {
                // Parameters stand in the body, or in the query of a GET.
                let form = match request.uri().query() {
                    Some(query) if body.is_empty() => Form::parse(query.as_bytes()),
                    _ => Form::parse(&body),
                };
                let text = |name: &str| form.text(name).map(str::to_owned);
                Input { operation: text("Action"), version: text("Version"), form, body, ..Input::default() }
            }
            Self::Json(_) => {
                let named = request.headers().get(TARGET).and_then(|target| target.to_str().ok());
                let named = named.and_then(|target| target.rsplit_once('.'));
                Input {
                    operation: named.map(|(_, operation)| operation.to_owned()),
                    version: named.map(|(version, _)| version.to_owned()),
                    body,
                    ..Input::default()
                }
            }
            Self::Cbor(_) => {
                let named = request.uri().path().strip_prefix("/service/").unwrap_or_default();
                let named = named.split_once("/operation/");
                let is_spoken = request.headers().get("smithy-protocol").is_some_and(|spoken| spoken == "rpc-v2-cbor");
                Input {
                    operation: named.map(|(_, operation)| operation.to_owned()),
                    version: named.filter(|_| is_spoken).map(|(version, _)| version.to_owned()),
                    body,
                    ..Input::default()
                }
            }
            Self::RestXml(rest) => rest.read(request),
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Query(namespace) | Self::Ec2(namespace) | Self::Json(namespace) | Self::Cbor(namespace) => namespace,
            Self::RestXml(rest) => rest.namespace,
        }
    }

    /// How AWS says that there is no such operation.
    pub(super) fn unknown(self, input: &Input) -> Refusal {
        match (self, &input.operation) {
            (Self::Cbor(_) | Self::Json(_) | Self::RestXml(_), _) => Refusal {
                status: StatusCode::NOT_FOUND,
                ..Refusal::new("UnknownOperationException", "The operation is not known, or not in this protocol")
            },
            (Self::Query(_) | Self::Ec2(_), None) => {
                Refusal::new("MissingAction", "The request must contain the parameter Action: it names the operation")
            }
            (Self::Ec2(_), Some(name)) => {
                Refusal::new("InvalidAction", format!("The action {name} is not valid for this web service."))
            }
            (Self::Query(_), Some(name)) => {
                let version = input.version.as_deref().unwrap_or("none");
                Refusal::new("InvalidAction", format!("Could not find operation {name} for version {version}"))
            }
        }
    }

    /// An answer as it goes over the wire.
    pub(super) fn response(self, request_id: &str, outcome: Result<(&str, Output), Refused>) -> Response<Bytes> {
        let mut headers = HeaderMap::new();
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-amzn-requestid", id);
        }
        let content = match self {
            Self::Query(_) | Self::Ec2(_) | Self::RestXml(_) => "text/xml",
            Self::Json(_) => "application/x-amz-json-1.0",
            Self::Cbor(_) => {
                headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
                "application/cbor"
            }
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        let (status, body) = match outcome {
            Ok((operation, output)) => {
                let mut status = StatusCode::OK;
                if let Output::Made(_, place) = &output
                    && let Ok(place) = HeaderValue::from_str(place)
                {
                    status = StatusCode::CREATED;
                    headers.insert(header::LOCATION, place);
                }
                (status, self.answer(operation, output, request_id))
            }
            Err(Refused { refusal, root }) => {
                if matches!(self, Self::Cbor(_) | Self::Json(_))
                    && let Ok(code) = HeaderValue::from_str(&format!("{};Sender", refusal.code))
                {
                    // The code for clients that knew the service when it spoke Query.
                    headers.insert("x-amzn-query-error", code);
                }
                (refusal.status, self.refusal(&refusal, root, request_id))
            }
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn answer(self, operation: &str, output: Output, request_id: &str) -> Vec<u8> {
        match output {
            Output::Xml(elements) => {
                let metadata = Xml::of("ResponseMetadata", vec![Xml::text("RequestId", request_id)]);
                let result = Xml::of(&format!("{operation}Result"), elements);
                let root = Xml::of(&format!("{operation}Response"), vec![result, metadata]);
                root.document(self.namespace()).into_bytes()
            }
            Output::Body(body) => body,
            Output::Document(mut elements) if matches!(self, Self::Ec2(_)) => {
                elements.insert(0, Xml::text("requestId", request_id));
                Xml::of(&format!("{operation}Response"), elements).document(self.namespace()).into_bytes()
            }
            Output::Document(elements) | Output::Made(elements, _) => {
                Xml::of(&format!("{operation}Response"), elements).document(self.namespace()).into_bytes()
            }
        }
    }

    fn refusal(self, refusal: &Refusal, root: Option<Xml>, request_id: &str) -> Vec<u8> {
        match self {
            Self::Query(_) | Self::RestXml(_) => {
                let root = root.unwrap_or_else(|| Xml::of("ErrorResponse", vec![refusal.xml()]));
                root.and(Xml::text("RequestId", request_id)).document(self.namespace()).into_bytes()
            }
            Self::Ec2(_) => {
                let error = vec![Xml::text("Code", refusal.code), Xml::text("Message", &refusal.message)];
                let errors = Xml::of("Errors", vec![Xml::of("Error", error)]);
                Xml::of("Response", vec![errors, Xml::text("RequestID", request_id)]).bare_document().into_bytes()
            }
            Self::Json(namespace) => {
                let body = json!({"__type": format!("{namespace}#{}", refusal.code), "message": refusal.message});
                body.to_string().into_bytes()
            }
            Self::Cbor(namespace) => {
                let mut encoder = Encoder::new(Vec::new());
                encoder.begin_map();
                encoder.str("__type").str(&format!("{namespace}#{}", refusal.code));
                encoder.str("message").str(&refusal.message);
                encoder.end();
                encoder.into_writer()
            }
        }
    }
}
