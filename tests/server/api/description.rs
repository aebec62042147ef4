//! `/openapi.json` against what is answered.

use super::*;

/// What the description says of an answer, checked against the answer: every field that is there is described, every field
/// that has to be there is, and each is of its type.
struct Description(Value);

impl Description {
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => {
                self.resolve(self.0.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path} is nowhere")))
            }
            None => schema,
        }
    }

    fn check(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        for either in ["oneOf", "anyOf"] {
            if let Some(all) = schema[either].as_array() {
                let fits = all.iter().any(|schema| self.check(schema, value, place).is_ok());
                return if fits { Ok(()) } else { Err(format!("{place}: {value} is none of {either}")) };
            }
        }
        if let Some(named) = schema["enum"].as_array() {
            return if named.contains(value) { Ok(()) } else { Err(format!("{place}: {value} is not in {named:?}")) };
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let mut properties = serde_json::Map::new();
        let mut required = BTreeSet::new();
        self.gather(schema, &mut properties, &mut required);
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ if !properties.is_empty() => vec!["object"],
            _ => return Err(format!("{place}: nothing is said of it")),
        };
        let whole = kind == "integer" && kinds.contains(&"number");
        if !(whole || kinds.contains(&kind)) {
            return Err(format!("{place}: {value} is no {kinds:?}"));
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.check(&schema["items"], item, &format!("{place}[]"))?;
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let said = properties.get(name).ok_or_else(|| format!("{place}.{name} is not described"))?;
                    self.check(said, field, &format!("{place}.{name}"))?;
                }
                if let Some(missing) = required.iter().find(|name| !fields.contains_key(**name)) {
                    return Err(format!("{place}.{missing} is missing"));
                }
            }
            Value::String(text) if schema["format"] == "date-time" => {
                chrono::DateTime::parse_from_rfc3339(text).map_err(|_| format!("{place}: {text} is no instant"))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Its properties, with those of what it is made of.
    fn gather<'a>(
        &'a self,
        schema: &'a Value,
        properties: &mut serde_json::Map<String, Value>,
        required: &mut BTreeSet<&'a str>,
    ) {
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.gather(part, properties, required);
        }
        properties.extend(schema["properties"].as_object().cloned().unwrap_or_default());
        required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }

    /// The schema of an answer.
    fn of(&self, path: &str, status: u16, kind: &str) -> &Value {
        let answer = &self.0["paths"][path]["get"]["responses"][status.to_string()];
        let schema = &answer["content"][kind]["schema"];
        assert!(schema.is_object(), "nothing is said of {status} of {path}: {answer}");
        schema
    }
}

/// The first event of all, which is about an entry.
async fn first_event(served: &Served) -> Value {
    let request = Request::get("/events?after=0").body(Body::empty()).unwrap();
    let mut body = served.router.clone().oneshot(request).await.unwrap().into_body();
    loop {
        let frame = timeout(Duration::from_secs(5), body.frame()).await.unwrap().unwrap().unwrap().into_data().unwrap();
        if let Some((_, data)) = std::str::from_utf8(&frame).unwrap().split_once("data: ") {
            return serde_json::from_str(data.trim_end()).unwrap();
        }
    }
}

#[tokio::test]
async fn the_description_describes_what_is_answered() {
    let served = lived().await;
    let description = Description(served.get("/openapi.json").await.json());
    assert!(description.0["openapi"].as_str().unwrap().starts_with("3."));
    let all = served.get("/api/v1/entries").await.json();
    let hill = tidings::identity::entry_id("hill", "live", "x");
    let blog = served.get("/api/v1/blogs").await.json()["blogs"][0]["id"].as_str().unwrap().replace("urn:uuid:", "");
    let asked = [
        ("/api/v1/changes", "/api/v1/changes".to_owned()),
        ("/api/v1/entries", "/api/v1/entries?limit=2".to_owned()),
        ("/api/v1/entries", "/api/v1/entries".to_owned()),
        ("/api/v1/blogs", "/api/v1/blogs?limit=1".to_owned()),
        ("/api/v1/blogs", "/api/v1/blogs".to_owned()),
        ("/api/v1/blogs/{id}", format!("/api/v1/blogs/{blog}")),
        ("/entries/{id}.json", format!("/entries/{}.json", id_of(&all, "b"))),
        ("/entries/{id}.json", format!("/entries/{}.json", id_of(&all, "c"))),
        ("/entries/{id}.json", format!("/entries/{hill}.json")),
        ("/stories/{id}.json", format!("/stories/{}.json", crate::server::stories::told_by_two(&served).await)),
    ];
    let told = first_event(&served).await;
    description.check(description.of("/events", 200, "text/event-stream"), &told, "/events").unwrap();
    let mut described = BTreeSet::from(["/events"]);
    for (path, address) in &asked {
        let answer = served.get(address).await.json();
        description.check(description.of(path, 200, "application/json"), &answer, path).unwrap();
        described.insert(*path);
    }
    let paths: BTreeSet<&str> = description.0["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(described, paths, "each path that is described has been asked");
    let problem = served.get("/api/v1/changes?after=x").await.json();
    description.check(description.of("/api/v1/changes", 400, "application/problem+json"), &problem, "problem").unwrap();
    // Every parameter that is described is taken, and no other.
    for path in paths.iter().filter(|path| !path.contains('{')) {
        for parameter in description.0["paths"][*path]["get"]["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "header" {
                continue;
            }
            let told = served.get(&format!("{path}?{name}=%00")).await.json();
            let detail = told["detail"].as_str().unwrap_or_else(|| panic!("{path} takes any {name}: {told}"));
            assert!(!detail.contains("there is no parameter"), "{path}: {detail}");
        }
    }
}

/// The proof that the check can fail: an answer without a field, with one too many, with one of another type.
#[tokio::test]
async fn another_answer_than_described_is_found() {
    let served = lived().await;
    let description = Description(served.get("/openapi.json").await.json());
    let schema = description.of("/api/v1/entries", 200, "application/json");
    let good = served.get("/api/v1/entries").await.json();
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        description.check(schema, &bad, "").unwrap_err()
    };
    for (told, change) in [
        (
            ".entries[].published is missing",
            &(|it: &mut Value| drop(it["entries"][0].as_object_mut().unwrap().remove("published"))) as &dyn Fn(&mut Value),
        ),
        (".entries[].extra is not described", &|it| it["entries"][0]["extra"] = 1.into()),
        (".entries[].life.revision: \"1\" is no", &|it| it["entries"][0]["life"]["revision"] = "1".into()),
        (".entries[].published.precision", &|it| it["entries"][0]["published"]["precision"] = "rough".into()),
        (".entries[].published.at: today is no instant", &|it| it["entries"][0]["published"]["at"] = "today".into()),
    ] {
        let found = broken(change);
        assert!(found.contains(told), "{told}: {found}");
    }
}
