//! The server as a socket: what is spoken, who is shown out, and how it stops.

use super::*;

#[tokio::test]
async fn it_speaks_http() {
    let server = listening(Limits::default()).await;
    let answer = raw(server.address, "GET /feed.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/rss+xml; charset=utf-8\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(rss::Channel::read_from(body.as_bytes()).unwrap().items.len(), 1);

    let head = raw(server.address, "HEAD /feed.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())) && head.ends_with("\r\n\r\n"), "{head}");
    let bad = raw(server.address, "GET /feed.rss HTTP/1.1\r\nHost : x\r\n\r\n").await;
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
    let long = format!("GET /feed.rss HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "a".repeat(20_000));
    assert!(raw(server.address, &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_client_that_dribbles_its_request_is_cut_off() {
    assert_eq!(Limits::default().header, Duration::from_secs(5));
    let server = listening(SHORT).await;
    let started = Instant::now();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /feed.rss HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dribble = async {
        while writing.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut answer = Vec::new();
    let closed = async { reading.read_to_end(&mut answer).await };
    tokio::select! {
        () = dribble => {}
        _ = closed => {}
        () = sleep(PATIENCE) => panic!("still open"),
    }
    let took = started.elapsed();
    assert!(took >= SHORT.header && took < SHORT.header * 10, "{took:?}");
}

#[tokio::test]
async fn there_are_no_more_connections_than_allowed() {
    let server = listening(Limits { idle: PATIENCE, ..SHORT }).await;
    let mut held = Vec::new();
    for _ in 0..SHORT.connections {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /healthz").await.unwrap();
        held.push(stream);
    }
    // Both places are taken by clients in the middle of a request, who have some time left for it.
    let started = Instant::now();
    let answer = raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let took = started.elapsed();
    assert!(took >= SHORT.header / 2 && took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn idle_connections_make_room_for_the_next_client() {
    let server = listening(Limits { idle: PATIENCE * 2, ..SHORT }).await;
    let _held = idle(server.address, SHORT.connections).await;
    for _ in 0..5 {
        let answer = raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn between_two_requests_a_client_has_more_time_than_for_a_head() {
    assert_eq!((Limits::default().header.as_secs(), Limits::default().idle.as_secs()), (5, 30));
    let server = listening(SHORT).await;
    let mut stream = idle(server.address, 1).await.remove(0);
    sleep(SHORT.header * 2).await;
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answered = Instant::now();
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    let took = answered.elapsed();
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 404"), "the first wait was not too long");
    assert!(took >= SHORT.idle && took < SHORT.idle * 5, "{took:?}");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_idle_clients_and_frees_the_port() {
    let server = listening(Limits { drain: Duration::from_secs(60), ..Limits::default() }).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    let started = Instant::now();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// A reader who takes a while is given it, the connection is not kept for a next request.
#[tokio::test]
async fn a_shutdown_finishes_the_answers_under_way() {
    let served = Served::with(Limits::default()).await;
    let mut long = entry("a", 5);
    long.body_html = format!("<p>{}</p>", "All ferries are late. ".repeat(2000));
    let entries =
        (0..200).map(|nth| tidings::model::Entry { body_html: long.body_html.clone(), ..entry(&nth.to_string(), nth) });
    served.save(&blog("lake", "1", entries.collect()), 300).await;
    let server = listen(served).await;
    // No buffer of the system's holds the whole answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(b"GET /feed.json?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1000];
    stream.read_exact(&mut answer).await.unwrap();
    server.stop.send(()).unwrap();
    sleep(Duration::from_millis(1500)).await;
    assert!(!server.done.is_finished(), "the answer is not in some buffer already");
    let started = Instant::now();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "cut off: {} bytes of {head}", body.len());
    assert!(body.len() > 8_000_000, "{}", body.len());
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_it_may_for_the_rest() {
    let server =
        listening(Limits { drain: Duration::from_millis(200), header: Duration::from_secs(60), ..Limits::default() }).await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(b"GET /feed.rss HTTP/1.1\r\nHost: ").await.unwrap();
    // One whole exchange, so that the half one has surely been accepted before it.
    raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let started = Instant::now();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(matches!(stuck.read(&mut [0; 10]).await, Ok(0) | Err(_)));
}
