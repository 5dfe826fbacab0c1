use super::*;

const GOOD: [(&str, &str); 5] =
    [("client_id", "rp"), ("redirect_uri", REDIRECT), ("response_type", "code"), ("scope", "openid"), ("state", "s 1")];

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields: Vec<_> = GOOD.into_iter().filter(|(known, _)| *known != name).collect();
    fields.push((name, value));
    fields
}

#[tokio::test]
async fn until_client_and_redirect_uri_are_good_no_error_goes_anywhere() {
    let world = world().await;
    for fields in [
        with("client_id", ""),
        with("client_id", "nobody"),
        with("redirect_uri", ""),
        with("redirect_uri", "https://evil.example/"),
        with("redirect_uri", "https://rp.example/cb?x=1"),
        with("redirect_uri", "https://rp.example/cb/../cb"),
        with("redirect_uri", "javascript:alert(1)"),
    ] {
        let answer = world.authorize(&fields).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""), "{fields:?}");
        assert!(!answer.text.contains("evil.example"), "nothing of the request is on the page");
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_on_a_page() {
    let world = world().await;
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(GOOD).finish();
    for repeated in ["state=2", "redirect_uri=https%3A%2F%2Fevil.example", "client_id=other", "scope=openid"] {
        let answer = world.authorize_text(&format!("{query}&{repeated}")).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::BAD_REQUEST, ""), "{repeated}");
    }
}

#[tokio::test]
async fn afterwards_errors_go_back_with_state_and_issuer() {
    let world = world().await;
    let answer = world.authorize(&with("response_type", "token")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(
        answer.location().starts_with("https://rp.example/cb?error=unsupported_response_type&"),
        "{}",
        answer.location()
    );
    let returned = answer.returned();
    assert_eq!((returned["state"].as_str(), returned["iss"].as_str()), ("s 1", "https://id.example"));
    assert_eq!(answer.header(&header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.header(&header::REFERRER_POLICY), "no-referrer");
}

#[tokio::test]
async fn by_form_post_nothing_of_the_state_escapes_its_field() {
    let world = world().await;
    let mut fields = with("state", "\"><script>alert(1)</script>");
    fields.push(("response_mode", "form_post"));
    fields.push(("prompt", "none login"));
    let answer = world.authorize(&fields).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::OK, ""));
    assert!(
        answer.text.contains("invalid_request")
            && answer.text.contains(REDIRECT.split_once("//").unwrap().1.split('/').next().unwrap())
    );
    assert!(!answer.text.contains("<script>alert"), "{}", answer.text);
    assert!(answer.header(&header::CONTENT_SECURITY_POLICY).contains("script-src"));
    assert_eq!(answer.header(&header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_good_request_by_get_or_post_leads_to_the_person() {
    let world = world().await;
    let by_get = world.authorize(&GOOD).await;
    let (headers, body) = form(&GOOD);
    let by_post = Answer::of(crate::oidc::authorize::post(State(world.app.clone()), headers, body).await).await;
    for answer in [by_get, by_post] {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert!(answer.location().contains("/login/"), "{}", answer.location());
    }
    let (_, body) = form(&GOOD);
    let not_a_form = crate::oidc::authorize::post(State(world.app.clone()), HeaderMap::new(), body).await;
    assert_eq!(not_a_form.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn prompt_none_without_a_session_goes_straight_back() {
    let world = world().await;
    let mut fields = GOOD.to_vec();
    fields.push(("prompt", "none"));
    assert_eq!(world.authorize(&fields).await.returned()["error"], "login_required");
}
