//! Forms of the area. Each carries a token that only this session's pages hold; the browser's own word on where the form
//! was sent from is heard as well, where it gives one.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Request},
    http::StatusCode,
};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{Area, Turned};
use crate::{app::App, login, store::session::Model as Session};

/// Hidden field that carries the token.
const FIELD: &str = "token";

/// Fields of a form, by name.
#[derive(Debug)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// A field's text, without the spaces around it; empty when it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }
}

/// A form of ours that was sent from this session's own page.
#[derive(Debug)]
pub struct Submitted {
    pub(super) area: Area,
    pub(super) fields: Fields,
}

/// What forms of this session carry. A session keeps its `sid` from proof to proof, so that pages that are open in other
/// tabs go on working.
pub(super) fn token(app: &App, session: &Session) -> String {
    app.seal.hash("account form", &session.sid)
}

impl FromRequest<Arc<App>> for Submitted {
    /// Leads to a proof, or says that the form was not ours.
    type Rejection = Turned;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let area = Area::from_request_parts(&mut parts, app).await?;
        let foreign = |area: &Area| {
            let page = app.pages.problem(StatusCode::FORBIDDEN, area.locale, "account_form", &json!({}));
            Turned::to(area.answer(Ok(page)))
        };
        if !login::is_from_here(&app.config.issuer, &parts.headers) {
            return Err(foreign(&area));
        }
        let Ok(Form(fields)) = Form::from_request(Request::from_parts(parts, body), app).await else {
            let page = app.pages.problem(StatusCode::BAD_REQUEST, area.locale, "bad_form", &json!({}));
            return Err(Turned::to(area.answer(Ok(page))));
        };
        let fields = Fields(fields);
        let expected = token(app, &area.session);
        if !bool::from(fields.get(FIELD).as_bytes().ct_eq(expected.as_bytes())) {
            return Err(foreign(&area));
        }
        Ok(Self { area, fields })
    }
}
