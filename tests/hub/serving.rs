//! A server with a hub, on a socket.

use super::*;

/// A server with a hub at work, on a store that outlives it.
pub struct Serving {
    pub address: SocketAddr,
    pub state: ServerState,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    hub: Option<JoinHandle<()>>,
    _settings: watch::Sender<Outgoing>,
}

impl Serving {
    /// On a free port, or on the one that it had before, since its feeds are named by that.
    pub async fn start(
        store: &Store,
        settings: HubSettings,
        clock: tidings::push::Clock,
        before: Option<SocketAddr>,
    ) -> Serving {
        let listener = TcpListener::bind(before.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { header: Duration::from_millis(600), ..Limits::default() };
        let state = ServerState::new(store.clone(), None, address, limits).with_clock(clock.clone());
        let reach = Reach::allowing_private(settings.allow_private);
        let state = if settings.enabled { state.with_hub(settings) } else { state };
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let serving = tokio::spawn(serve(listener, state.clone(), async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }));
        let outgoing = Outgoing { sinks: Vec::new(), fetcher: Fetcher::new(&FetchSettings::default()).unwrap() };
        let (_settings, given) = watch::channel(outgoing);
        let hub = state.hub_asked().map(|asked| {
            let topics = Arc::new(state.clone());
            let hub = Hub { store: store.clone(), topics, path: HUB, reach, clock, metrics: state.metrics(), asked };
            tokio::spawn(hub.run(given, stop.subscribe()))
        });
        Serving { address, state, stop, serving, hub, _settings }
    }

    pub async fn stop(self) -> SocketAddr {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
        if let Some(hub) = self.hub {
            hub.await.unwrap();
        }
        self.address
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What a request is answered with: status, head and body.
    pub async fn ask(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A body that was refused unread may break the connection after the answer.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
    }

    pub async fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
    }

    pub(super) async fn post(&self, path: &str, kind: &str, body: &str) -> (u16, String, String) {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// Sends these fields to the hub.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let (status, _, told) = self.post(path, "application/x-www-form-urlencoded", &body).await;
        (status, told)
    }
}
