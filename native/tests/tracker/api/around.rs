//! What every answer has, who may read, and what operators ask.

use gannet::tracker::ApiConfig;
use gannet_core::announce::{AnnounceEvent, AnnounceRequest};

use super::web::{Web, hash, refusal};
use crate::support::leecher;

#[test]
fn the_page_is_whole_in_the_binary_and_its_policy_allows_nothing_else() {
    let web = Web::start();
    let page = web.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let text = String::from_utf8(page.body).unwrap();
    for (path, kind) in [
        ("page.js", "text/javascript; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page.svg", "image/svg+xml"),
    ] {
        assert!(text.contains(&format!("\"{path}\"")), "the page uses {path}");
        let file = web.get(&format!("/{path}"));
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)));
        assert!(!file.body.is_empty());
    }
    for inline in ["<style", " style=", " onclick=", "javascript:"] {
        assert!(!text.contains(inline), "{inline} would be stopped by the policy");
    }
    assert!(!text.contains("http"), "nothing comes from elsewhere");
}

#[test]
fn reading_may_need_a_token_but_the_page_health_and_registering_do_not() {
    let web = Web::with(ApiConfig {
        read_token: "reader".parse().ok(),
        publish_token: "writer".parse().ok(),
        ..ApiConfig::default()
    });
    let hash = hash(1).to_string();
    for path in ["totals", "torrents", "seeders", &format!("torrents/{hash}"), "seeders/1.2.3.4:5"]
    {
        assert_eq!(web.get(&format!("/api/v1/{path}")).error(), refusal(401, "token_required"));
    }
    assert_eq!(web.get("/torrents/a.torrent").error(), refusal(401, "token_required"));
    assert_eq!(web.get("/metrics").error(), refusal(401, "token_required"));
    for token in ["Bearer reader", "Bearer writer", "Basic OnJlYWRlcg=="] {
        let reply = web.send("GET", "/api/v1/totals", &[&format!("Authorization: {token}")], b"");
        assert_eq!(reply.status, 200, "{token}");
    }
    let wrong = web.send("GET", "/api/v1/totals", &["Authorization: Bearer nobody"], b"");
    assert_eq!(wrong.error(), refusal(401, "token_wrong"));
    for path in ["/", "/page.js", "/health", "/api/v1"] {
        assert_eq!(web.get(path).status, 200, "{path}");
    }
    assert_eq!(web.json("/api/v1")["read"], "token");
    assert_eq!(web.register("10.0.0.9", &[]).status, 200);
}

#[test]
fn pages_of_any_origin_may_ask_but_never_with_cookies() {
    let web = Web::start();
    let origin = "Origin: https://page.example";
    for path in ["/api/v1/torrents", "/torrents/none.torrent", "/announce", "/scrape", "/nowhere"] {
        let reply = web.send("GET", path, &[origin], b"");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{path}");
    }
    for (method, path) in
        [("PUT", "/api/v1/torrents/a"), ("POST", "/api/v1/seeders"), ("GET", "/announce")]
    {
        let wanted = format!("Access-Control-Request-Method: {method}");
        let headers = "Access-Control-Request-Headers: authorization,content-type";
        let reply = web.send("OPTIONS", path, &[origin, &wanted, headers], b"");
        assert!(reply.status == 200 || reply.status == 204, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert!(
            reply.header("access-control-allow-methods").unwrap().contains(&method.to_lowercase())
        );
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"));
    }
}

#[test]
fn metrics_count_what_has_been_announced_as_prometheus_reads_it() {
    let web = Web::start();
    let announce = |event| AnnounceRequest { event, ..leecher(7001) }.to_url("/announce");
    web.get(&announce(AnnounceEvent::Started));
    web.get(&announce(AnnounceEvent::None));
    web.get("/announce");
    web.register("10.0.0.9", &[hash(1), hash(2)]);
    let reply = web.get("/metrics");
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.ends_with("# EOF\n"));
    for line in [
        r#"gannet_tracker_announces_total{transport="http",event="started"} 1"#,
        r#"gannet_tracker_announces_total{transport="api",event="started"} 2"#,
        r#"gannet_tracker_errors_total{transport="http",kind="malformed"} 1"#,
        r#"gannet_tracker_announce_latency_seconds_count{transport="http"} 2"#,
        r#"gannet_tracker_peers{role="seeder"} 2"#,
        r#"gannet_tracker_peers{role="leecher"} 1"#,
        "gannet_tracker_torrents 3",
        "gannet_tracker_registered_seeders 1",
        "gannet_tracker_published_torrents 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    for (name, value) in samples.map(|line| line.rsplit_once(' ').unwrap()) {
        assert!(name.starts_with("gannet_tracker_"), "{name}");
        assert!(value.parse::<f64>().is_ok(), "{name} {value}");
    }
}

#[test]
fn health_is_told_in_json() {
    let health = Web::start().json("/health");
    assert_eq!(health["status"], "ok");
    assert!(health["uptime_seconds"].is_u64());
}

#[test]
fn what_is_not_there_is_an_error_in_json_too() {
    let web = Web::start();
    assert_eq!(web.get("/nowhere").error(), refusal(404, "not_found"));
    assert_eq!(web.get("/api/v2").error(), refusal(404, "not_found"));
    let reply = web.send("PATCH", "/api/v1/seeders", &[], b"");
    assert_eq!(reply.error(), refusal(405, "method_not_allowed"));
    assert_eq!(web.send("POST", "/api/v1/totals", &[], b"").error().0, 405);
    assert_eq!(web.send("POST", "/", &[], b"").error().0, 405);
}

#[test]
fn get_changes_nothing_whatever_it_asks() {
    let web = Web::with(ApiConfig { publish_token: "t".parse().ok(), ..ApiConfig::default() });
    web.register("10.0.0.9", &[hash(1)]);
    let token = ["Authorization: Bearer t", "X-Forwarded-For: 10.0.0.9"];
    for path in ["/api/v1/seeders?port=6881&torrents=", "/api/v1/torrents/a?method=DELETE"] {
        web.send("GET", path, &token, b"");
    }
    assert_eq!(web.json("/api/v1/totals")["registered_seeders"], 1);
}
