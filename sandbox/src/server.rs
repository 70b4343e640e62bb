//! The HTTP server: one task per connection, one lock around the cloud, held only while an answer is computed.
//!
//! In: HTTP/1.1 on 127.0.0.1. Out: answers of the simulated services, each with a `Date` of the virtual clock and a request id;
//! or what a fault makes of them: a delay, half an answer, a connection reset. Nothing is written to disk or to the terminal.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::call::{self, Allowance, ApiError, Call, Reply, Scope, Service};
use crate::cloud::Cloud;
use crate::connection::{Answer, Broken, Wire};
use crate::control::{self, Controls};
use crate::dump::{Form, dump};
use crate::faults::{Fate, Faults, denied};
use crate::ids::Ids;
use crate::inside::{self, Inside};
use crate::stats::Stats;
use crate::world::World;
use crate::writes::{Write, Writes};
use crate::{caller, router, time};

/// How long connections may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running simulated AWS. Dropping it stops it at once; `stop` lets running requests finish.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    environment: Vec<(String, String)>,
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Sandbox {
    /// Simulates the world's history, then serves it on 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// The port cannot be bound.
    pub async fn start(world: World, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let seed = world.seed();
        let (cloud, faults) = tokio::task::spawn_blocking(move || world.build())
            .await
            .map_err(io::Error::other)?;
        let environment = environment(&cloud, address);
        let mut active = Faults::new(seed);
        for fault in faults {
            active.add(fault);
        }
        // Ids of requests are counted apart, so that reading does not change the ids of what is created later.
        let inner = Inner {
            cloud,
            faults: active,
            stats: Stats::default(),
            writes: Writes::default(),
            request_ids: Ids::new(!seed),
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
        });
        let (stopping, stop) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), stop));
        Ok(Self {
            shared,
            address,
            environment,
            stopping,
            accepting,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment that leads AWS SDKs and the AWS CLI here.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// The virtual clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.lock().cloud.now()
    }

    /// Moves the virtual clock forward; everything due by then happens.
    pub fn advance(&self, step: TimeDelta) {
        let mut inner = self.shared.lock();
        inner.cloud.clock.advance(step);
        time::settle(&mut inner.cloud);
    }

    /// What is really there, whatever calls are denied or answered wrongly.
    pub fn inside(&self) -> Inside {
        inside::look(&self.shared.lock().cloud)
    }

    /// Calls so far by IAM action, such as `backup:ListBackupVaults`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.lock().stats.calls.clone()
    }

    /// The calls so far that changed something, in their order.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.lock().writes.list.clone()
    }

    /// Everything that is there, as JSON; `comparable` leaves out what differs between two runs that did the same.
    pub fn state(&self, comparable: bool) -> serde_json::Value {
        let form = if comparable { Form::Comparable } else { Form::Full };
        let mut inner = self.shared.lock();
        time::settle(&mut inner.cloud);
        dump(&inner.cloud, form)
    }

    /// Stops accepting connections, lets running requests finish, and gives the port back.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        // A task that was cancelled has stopped as well.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn environment(cloud: &Cloud, address: SocketAddr) -> Vec<(String, String)> {
    let account = cloud.first_account.as_deref().and_then(|id| cloud.accounts.get(id));
    let key = account.and_then(|account| account.access_keys.first().cloned());
    let key = key.unwrap_or_else(|| format!("AKIA{}", account.map_or("000000000000", |account| &account.id)));
    let region = account
        .and_then(|account| account.regions.first().cloned())
        .unwrap_or_else(|| "us-east-1".to_owned());
    [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
        ("AWS_REGION", region.clone()),
        // boto3 and version 1 of the AWS CLI read this one only.
        ("AWS_DEFAULT_REGION", region),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    cloud: Cloud,
    faults: Faults,
    stats: Stats,
    writes: Writes,
    request_ids: Ids,
}

impl Shared {
    /// The state. A panic in another request leaves it usable: each request changes it in few steps.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections until told to stop, then waits for them.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&shared), stop.clone()));
            }
            // Out of file descriptors, mostly: the listener itself is fine.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is not done by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(GRACE, all).await;
}

/// Serves one connection until its end, or until the server stops.
async fn serve(stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // Small answers must not wait for more to send.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Wire::new(stream, Arc::clone(&reset)));
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&reset)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .auto_date_header(false)
        .max_buf_size(1 << 20)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    // Errors of a connection concern its client, who sees them too.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Answers one request.
async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Answer>, Broken> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let query = call::decode_pairs(parts.uri.query().unwrap_or_default());
    let asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body,
    };
    let answered = asked.answer(&mut shared.lock());
    if !answered.fate.delay.is_zero() {
        tokio::time::sleep(answered.fate.delay).await;
    }
    if answered.fate.reset {
        reset.store(true, Ordering::Relaxed);
        return Err(Broken::Reset);
    }
    Ok(answered.into_response())
}

/// A request, before it is known for whom.
struct Asked {
    method: hyper::Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer and what is to happen to it.
struct Answered {
    reply: Reply,
    service: Option<Service>,
    request_id: String,
    date: DateTime<Utc>,
    fate: Fate,
}

impl Asked {
    fn answer(self, inner: &mut Inner) -> Answered {
        let request_id = inner.request_ids.uuid();
        if self.path.starts_with(control::PREFIX) {
            let mut controls = Controls {
                cloud: &mut inner.cloud,
                faults: &mut inner.faults,
                stats: &mut inner.stats,
                writes: &mut inner.writes,
            };
            let reply = controls.answer(&self.method, &self.path, &self.body);
            return Answered {
                reply,
                service: None,
                request_id,
                date: inner.cloud.now(),
                fate: Fate::default(),
            };
        }
        let now = time::settle(&mut inner.cloud);
        let scope = Scope::read(&self.headers, &self.query);
        let Some(service) = Service::of(&self.headers, scope.as_ref(), &self.path, &self.body) else {
            let message = format!(
                "The sandbox does not know which service {} {} is for.",
                self.method, self.path
            );
            let reply = ApiError::new(404, "UnknownOperationException", message).render(Service::Backup, &request_id);
            return Answered {
                reply,
                service: None,
                request_id,
                date: now,
                fate: Fate::default(),
            };
        };
        let mut fate = Fate::default();
        let outcome = self.perform(inner, service, scope.as_ref(), (now, &request_id), &mut fate);
        let reply = outcome.unwrap_or_else(|error| error.render(service, &request_id));
        Answered {
            reply,
            service: Some(service),
            request_id,
            date: now,
            fate,
        }
    }

    /// Finds the caller and the operation, then does what a fault does not prevent.
    fn perform(
        self,
        inner: &mut Inner,
        service: Service,
        scope: Option<&Scope>,
        (now, request_id): (DateTime<Utc>, &str),
        fate: &mut Fate,
    ) -> Result<Reply, ApiError> {
        let scope = scope.ok_or_else(|| call::unsigned(service))?;
        if self
            .headers
            .get("smithy-protocol")
            .is_some_and(|protocol| protocol.as_bytes().starts_with(b"rpc-v2"))
        {
            let message = "The sandbox speaks the JSON protocols of this service, not Smithy RPC v2.";
            return Err(ApiError::new(415, "UnsupportedMediaTypeException", message));
        }
        let caller = caller::find(&inner.cloud, scope).map_err(|error| call::in_words_of(service, error))?;
        let global = service.is_global() || (service == Service::Sts && scope.region == "us-east-1");
        if !global && !inner.cloud.has_region(&caller.account, &caller.region) {
            return Err(call::in_words_of(service, call::unknown_token()));
        }
        let Self {
            method,
            path,
            query,
            headers,
            body,
        } = self;
        let request_id = request_id.to_owned();
        let mut call = Call {
            service,
            caller,
            method,
            path,
            query,
            headers,
            body,
            now,
            request_id,
            allowance: Allowance::default(),
        };
        let operation = router::route(&inner.cloud, &call)?;
        inner.stats.count(&call.caller, &operation);
        *fate = inner.faults.fate(&call, &operation);
        call.allowance = fate.allowance;
        let refusal = fate.refusal.take().or_else(|| {
            let may = inner.cloud.allows(&call.caller.principal, &operation.action);
            (!may).then(|| denied(&call, &operation.action, &operation.resource))
        });
        let outcome = match refusal {
            Some(refusal) => Err(call::in_words_of(service, refusal)),
            None => {
                let pages: Vec<u64> = fate.tampering.iter().map(|tamper| tamper.rewind(&mut call)).collect();
                let reply = router::handle(&mut inner.cloud, &call, &operation);
                reply.map(|mut reply| {
                    inner.faults.consume(&call, &operation, reply.read_units);
                    inner
                        .writes
                        .note(&call, &operation, &reply, fate.reset || fate.truncate);
                    for (tamper, page) in fate.tampering.iter().zip(pages) {
                        tamper.spoil(&mut reply, service, page);
                    }
                    reply
                })
            }
        };
        let outcome = outcome.map(|reply| inner.cloud.settings.answers.worsen(reply));
        outcome.inspect_err(|error| inner.stats.count_refusal(&operation, error))
    }
}

impl Answered {
    fn into_response(self) -> Response<Answer> {
        let mut builder = Response::builder().status(self.reply.status);
        for (name, value) in &self.reply.headers {
            builder = builder.header(name, value.as_bytes());
        }
        let id = if self.service == Some(Service::S3) {
            "x-amz-request-id"
        } else {
            "x-amzn-requestid"
        };
        builder = builder.header(id, &self.request_id);
        builder = builder.header("date", self.date.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        if self.service == Some(Service::DynamoDb) {
            // DynamoDB's clients compare it with the body.
            builder = builder.header("x-amz-crc32", crc32fast::hash(&self.reply.body).to_string());
        }
        let pace = self.fate.tampering.iter().find_map(|tamper| tamper.bytes_per_second);
        let body = Answer::new(self.reply.body, self.fate.truncate, pace);
        builder.body(body).unwrap_or_else(|_| {
            let mut response = Response::new(Answer::new(Bytes::new(), false, None));
            *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}
