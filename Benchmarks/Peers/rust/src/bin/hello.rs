use hyper::{
    service::{make_service_fn, service_fn},
    Body, Request, Response, Server,
};
use std::convert::Infallible;
fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let svc = make_service_fn(|_| async {
                Ok::<_, Infallible>(service_fn(|_: Request<Body>| async {
                    Ok::<_, Infallible>(
                        Response::builder()
                            .header("content-type", "text/plain")
                            .body(Body::from("Hello, World!"))
                            .unwrap(),
                    )
                }))
            });
            Server::bind(&([127, 0, 0, 1], port).into())
                .tcp_nodelay(true)
                .serve(svc)
                .await
                .unwrap();
        })
}
