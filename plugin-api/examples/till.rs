//! A service in full: it owns one type of `authorization_details`, a sale.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Sale {
    #[serde(rename = "type")]
    _type: Kind,
    purse: String,
    cents: u64,
}

#[derive(Deserialize, JsonSchema)]
enum Kind {
    #[serde(rename = "sale")]
    Sale,
}

struct Till;

impl Service for Till {
    type Settings = NoSettings;
    type Details = Sale;

    fn description() -> Result<Description> {
        Description::new(Manifest::service("till", "0.1.0"))
            .details::<Sale>("sale")
            .texts("en", r#"{"name": "Till", "description": "Sales"}"#)?
            .texts("ru", r#"{"name": "Касса", "description": "Продажи"}"#)?
            .texts("vi", r#"{"name": "Quầy", "description": "Bán hàng"}"#)
    }

    fn start(_: NoSettings, _: Host) -> Result<Self> {
        Ok(Self)
    }

    fn map_details(&self, sale: Sale, site: &Site) -> Result<MappedDetails> {
        if sale.cents == 0 {
            return Ok(MappedDetails::Refused { reason: "cents: must not be zero".to_owned() });
        }
        Ok(MappedDetails::Transaction {
            transaction: Transaction {
                payee_account: sale.purse,
                payee_name: site.name.clone(),
                amount_minor: sale.cents,
                minor_digits: 2,
                currency: "WMZ".to_owned(),
                reference: String::new(),
                description: String::new(),
                subject: None,
            },
        })
    }
}

export_service!(Till);
