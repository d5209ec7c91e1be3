//! Accepting connections. Each has a bounded time to say what it wants, from the first byte of its head on (WEB-5); how
//! long the rest of a request may take is the routes' affair.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::TcpListener;

/// Wait after a connection could not be accepted: mostly there are too many, and some have to end first.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Serves until `stop`, then lets the requests under way end.
pub async fn serve(listener: TcpListener, routes: Router, patience: Duration, stop: impl Future) {
    let mut connections = http1::Builder::new();
    connections.timer(TokioTimer::new()).header_read_timeout(patience);
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => break,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(routes.clone());
        let serving = under_way.watch(connections.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    under_way.shutdown().await;
}
