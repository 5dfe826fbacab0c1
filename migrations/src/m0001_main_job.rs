//! Accounts, enrolments, sessions, codes, grants, payments, the account log and the outbox.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, boolean, integer, string, text},
};

use crate::table::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_main_job"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in people().into_iter().chain(protocol()).chain(machinery()) {
            m.create_table(table).await?;
        }
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(Alias::new(*table));
            for column in *columns {
                index.col(Alias::new(*column));
            }
            if *unique {
                index.unique();
            }
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in people().into_iter().chain(protocol()).chain(machinery()) {
            if let Some(name) = table.get_table_name() {
                m.drop_table(Table::drop().table(name.clone()).to_owned()).await?;
            }
        }
        Ok(())
    }
}

/// Every look-up and every expiry sweep has its index; a test holds each statement's plan against this.
const INDEXES: &[(&str, &str, &[&str], bool)] = &[
    ("account_email", "account", &["email"], true),
    ("registration_email", "registration", &["email"], false),
    ("registration_expires", "registration", &["expires_at"], false),
    ("enrolment_account", "enrolment", &["account_id", "factor"], false),
    ("session_account", "session", &["account_id"], false),
    ("session_expires", "session", &["expires_at"], false),
    ("code_expires", "code", &["expires_at"], false),
    ("code_grant", "code", &["grant_id"], false),
    ("token_grant_account", "token_grant", &["account_id"], false),
    ("token_grant_expires", "token_grant", &["expires_at"], false),
    ("refresh_grant", "refresh", &["grant_id"], false),
    ("refresh_expires", "refresh", &["expires_at"], false),
    ("pushed_expires", "pushed", &["expires_at"], false),
    ("spent_expires", "spent", &["expires_at"], false),
    ("confirmation_account", "confirmation", &["account_id"], false),
    ("confirmation_client", "confirmation", &["client_id", "created_at"], false),
    ("outbox_due", "outbox", &["state", "next_at"], false),
    ("outbox_effect", "outbox", &["effect"], true),
];

fn key(name: &'static str) -> ColumnDef {
    string(Alias::new(name)).primary_key().take()
}

fn words(name: &'static str) -> ColumnDef {
    text(Alias::new(name)).take()
}

fn time(name: &'static str) -> ColumnDef {
    big_integer(Alias::new(name)).take()
}

fn maybe_time(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().null().take()
}

fn number(name: &'static str) -> ColumnDef {
    integer(Alias::new(name)).default(0).take()
}

fn long_number(name: &'static str) -> ColumnDef {
    big_integer(Alias::new(name)).default(0).take()
}

fn flag(name: &'static str) -> ColumnDef {
    boolean(Alias::new(name)).default(false).take()
}

fn bytes(name: &'static str) -> ColumnDef {
    binary(Alias::new(name)).take()
}

fn maybe_words(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().null().take()
}

fn pair_key(table: &mut TableCreateStatement, first: &'static str, second: &'static str) -> TableCreateStatement {
    table.primary_key(Index::create().col(Alias::new(first)).col(Alias::new(second))).take()
}

#[expect(clippy::too_many_lines, reason = "a list of columns")]
fn people() -> Vec<TableCreateStatement> {
    vec![
        table(
            "account",
            vec![
                key("id"),
                words("email"),
                words("first_name"),
                words("last_name"),
                words("phone"),
                words("locale"),
                words("security_question"),
                words("security_answer"),
                words("status"),
                time("created_at"),
                long_number("log_seq"),
                bytes("log_head"),
            ],
        ),
        table(
            "registration",
            vec![
                key("token_hash"),
                words("email"),
                bytes("sealed"),
                time("created_at"),
                time("expires_at"),
                maybe_time("used_at"),
            ],
        ),
        table(
            "enrolment",
            vec![
                key("id"),
                words("account_id"),
                words("factor"),
                words("label"),
                words("status"),
                bytes("sealed"),
                long_number("version"),
                long_number("challenge_number"),
                number("wrong_here"),
                number("failures"),
                maybe_time("blocked_until"),
                flag("payments_blocked"),
                number("resends"),
                maybe_time("resent_at"),
                time("created_at"),
                maybe_time("last_used_at"),
                maybe_time("expires_at"),
            ],
        ),
        table(
            "session",
            vec![
                key("id_hash"),
                words("sid"),
                words("account_id"),
                words("levels"),
                words("amr"),
                time("auth_time"),
                time("created_at"),
                time("expires_at"),
                maybe_time("ended_at"),
            ],
        ),
        pair_key(
            &mut table(
                "consent",
                vec![
                    string(Alias::new("account_id")).take(),
                    string(Alias::new("client_id")).take(),
                    words("scope"),
                    time("granted_at"),
                ],
            ),
            "account_id",
            "client_id",
        ),
        pair_key(
            &mut table(
                "log",
                vec![
                    string(Alias::new("account_id")).take(),
                    long_number("seq"),
                    time("at"),
                    words("event"),
                    bytes("hash"),
                ],
            ),
            "account_id",
            "seq",
        ),
    ]
}

fn protocol() -> Vec<TableCreateStatement> {
    vec![
        table("client", vec![key("id"), words("metadata"), maybe_words("secret_hash"), time("created_at")]),
        table(
            "code",
            vec![
                key("hash"),
                words("client_id"),
                words("grant_id"),
                bytes("sealed"),
                time("expires_at"),
                maybe_time("used_at"),
            ],
        ),
        table(
            "token_grant",
            vec![
                key("id"),
                words("client_id"),
                words("account_id"),
                words("sid"),
                bytes("sealed"),
                time("created_at"),
                time("expires_at"),
                maybe_time("revoked_at"),
            ],
        ),
        table(
            "refresh",
            vec![key("hash"), words("grant_id"), time("created_at"), time("expires_at"), maybe_time("used_at")],
        ),
        table(
            "pushed",
            vec![key("hash"), words("client_id"), bytes("sealed"), time("expires_at"), maybe_time("used_at")],
        ),
        table(
            "confirmation",
            vec![
                key("id"),
                words("account_id"),
                words("client_id"),
                words("status"),
                words("transaction_hash"),
                bytes("sealed"),
                words("receipt"),
                time("created_at"),
            ],
        ),
    ]
}

fn machinery() -> Vec<TableCreateStatement> {
    vec![
        table(
            "outbox",
            vec![
                key("id"),
                words("effect"),
                words("channel"),
                words("state"),
                bytes("sealed"),
                number("attempts"),
                time("next_at"),
                time("created_at"),
                maybe_time("sent_at"),
                maybe_words("last_error"),
            ],
        ),
        table(
            "signing_key",
            vec![
                key("kid"),
                words("alg"),
                words("state"),
                words("public"),
                bytes("sealed"),
                time("created_at"),
                maybe_time("retired_at"),
            ],
        ),
        pair_key(
            &mut table(
                "spent",
                vec![string(Alias::new("purpose")).take(), string(Alias::new("hash")).take(), time("expires_at")],
            ),
            "purpose",
            "hash",
        ),
        table("meta", vec![key("name"), words("value")]),
    ]
}
