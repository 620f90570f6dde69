//! Companies, products and more subscriptions than fit on a page.

use serde_json::{Value, json};

const COMPANIES: [(&str, &str, &str); 12] = [
    ("Acme Corporation", "Denver", "Active"),
    ("Globex Manufacturing", "Boulder", "Active"),
    ("Initech Software", "Austin", "Active"),
    ("Umbra Dental Group", "Golden", "Active"),
    ("O'Hara & \"Sons\" Logistics", "Dublin", "Active"),
    ("Fernwood Primary School", "Aurora", "Active"),
    ("Harbour Street Bakery", "Denver", "Inactive"),
    ("Lakeview Veterinary", "Evergreen", "Active"),
    ("Northside Legal", "Lakewood", "Active"),
    ("Pinecrest Hotels", "Vail", "Active"),
    ("Quarry Construction", "Pueblo", "Deleted"),
    ("Redstone Analytics", "Boulder", "Active"),
];
/// Name, vendor, unit price in cents.
const PRODUCTS: [(&str, &str, u32); 7] = [
    ("Microsoft 365 Business Premium", "Microsoft", 2_200),
    ("Microsoft 365 Business Basic", "Microsoft", 600),
    ("Exchange Online (Plan 1)", "Microsoft", 400),
    ("Endpoint Detection and Response", "SentinelOne", 550),
    ("Cloud Backup for Microsoft 365", "Dropsuite", 275),
    ("Security Awareness Training", "KnowBe4", 190),
    ("Password Manager Business", "1Password", 799),
];
/// Statuses in turn: most subscriptions are active, and a summary must leave out the others.
const STATUSES: [&str; 6] = ["Active", "Active", "Cancelled", "Active", "Trial", "PendingManual"];
/// Subscriptions of the first company, then of every other.
const FIRST: usize = 26;
const OTHERS: usize = 21;

/// Everything that the simulator holds.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) companies: Vec<Value>,
    pub(super) products: Vec<Value>,
    pub(super) subscriptions: Vec<Value>,
}

impl Catalogue {
    /// The same data every time.
    pub(super) fn seeded() -> Self {
        let owned = |company| (0..if company == 0 { FIRST } else { OTHERS }).map(move |number| (company, number));
        Self {
            companies: COMPANIES.iter().enumerate().map(|(index, entry)| company(index, *entry)).collect(),
            products: PRODUCTS.iter().enumerate().map(|(index, entry)| product(index, *entry)).collect(),
            subscriptions: (0..COMPANIES.len())
                .flat_map(owned)
                .map(|(company, index)| subscription(company, index))
                .collect(),
        }
    }
}

/// A UUID that says what it is of: kind, owner and number.
fn id(kind: usize, owner: usize, number: usize) -> String {
    format!("{kind:08x}-{owner:04x}-4c1a-8c1a-{number:012x}")
}

fn company(index: usize, (name, city, status): (&str, &str, &str)) -> Value {
    json!({
        "id": id(1, 0, index),
        "name": name,
        "address": {"street": format!("{} Main Street", 100 + index), "street2": "", "city": city,
            "stateOrProvince": "CO", "postalCode": format!("80{:03}", 100 + index), "country": "US"},
        "phone": format!("+1 303 555 {:04}", 100 + index),
        "website": format!("https://company{index}.example/"),
        "externalId": format!("PSA-{}", 200 + index),
        "billOnBehalfOfEnabled": index.is_multiple_of(2),
        "selfServiceAllowed": false,
        "orderApprovalRequired": true,
        "status": status,
        "updatedDate": "2026-03-02T09:00:00.000Z",
    })
}

fn product(index: usize, (name, vendor, _): (&str, &str, u32)) -> Value {
    json!({
        "id": id(2, 0, index),
        "name": name,
        "vendorName": vendor,
        "shortDescription": format!("{name} by {vendor}"),
        "description": format!("{name}, sold by the seat."),
        "sku": format!("SKU-{:04}", 1000 + index),
        "vendorSku": format!("{vendor}-{index}"),
        "requiresCommitment": vendor == "Microsoft",
    })
}

fn subscription(company: usize, index: usize) -> Value {
    let product = (index + company) % PRODUCTS.len();
    let (_, _, cents) = PRODUCTS.iter().copied().nth(product).unwrap_or_default();
    let status = STATUSES.iter().cycle().nth(index).copied().unwrap_or_default();
    json!({
        "id": id(3, company, index),
        "companyId": id(1, 0, company),
        "productId": id(2, 0, product),
        "vendorSubscriptionId": format!("VS-{company}-{index}"),
        "quantity": 3 + (index * 7 + company) % 40,
        "startDate": "2026-01-01T00:00:00.000Z",
        "endDate": if status == "Cancelled" { json!("2026-06-30T00:00:00.000Z") } else { Value::Null },
        "createdDate": format!("2025-12-{:02}T10:00:00.000Z", 1 + index % 28),
        "updatedDate": "2026-05-01T10:00:00.000Z",
        "billingStart": "2026-01-01",
        "status": status,
        "price": f64::from(cents) / 100.0,
        "billingTerm": if index.is_multiple_of(3) { "Annual" } else { "Monthly" },
        "currencyCode": "USD",
    })
}
