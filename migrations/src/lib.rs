//! Schema of the E-num database, the same on SQLite and PostgreSQL.
//!
//! Migrations expand first and contract a release later, so that two releases can share one database while nodes are
//! replaced one by one. Times are Unix milliseconds. Columns named `…_hash` hold keyed hashes; columns named `sealed`
//! hold AES-256-GCM ciphertext whose associated data names the table and the row.

use sea_orm_migration::prelude::*;

mod m0001_main_job;
mod m0002_plugins;
mod m0003_plugin_services;
mod m0004_plugin_data_version;
mod m0005_challenges;
mod m0006_fees;
mod m0007_sms_gateways;
mod m0008_personal_area;
mod m0009_recovery;
mod m0010_recovery_codes;
mod m0011_policy;
mod m0012_sms_guard;
mod m0013_support;
mod m0014_notices;
mod m0015_phone_number;
mod m0016_enrolment_acr;
mod m0017_devices;
mod m0018_deletion;
mod m0019_places;
mod m0022_receipt_log;
mod m0023_admins;
mod m0024_backchannel;
mod m0025_device_codes;
mod m0027_refunds;
mod m0029_backchannel_asked;
mod table;

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_main_job::Migration),
            Box::new(m0002_plugins::Migration),
            Box::new(m0003_plugin_services::Migration),
            Box::new(m0004_plugin_data_version::Migration),
            Box::new(m0005_challenges::Migration),
            Box::new(m0006_fees::Migration),
            Box::new(m0007_sms_gateways::Migration),
            Box::new(m0008_personal_area::Migration),
            Box::new(m0009_recovery::Migration),
            Box::new(m0010_recovery_codes::Migration),
            Box::new(m0011_policy::Migration),
            Box::new(m0012_sms_guard::Migration),
            Box::new(m0013_support::Migration),
            Box::new(m0014_notices::Migration),
            Box::new(m0015_phone_number::Migration),
            Box::new(m0016_enrolment_acr::Migration),
            Box::new(m0017_devices::Migration),
            Box::new(m0018_deletion::Migration),
            Box::new(m0019_places::Migration),
            Box::new(m0022_receipt_log::Migration),
            Box::new(m0023_admins::Migration),
            Box::new(m0024_backchannel::Migration),
            Box::new(m0025_device_codes::Migration),
            Box::new(m0027_refunds::Migration),
            Box::new(m0029_backchannel_asked::Migration),
        ]
    }
}
