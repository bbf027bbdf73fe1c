//! Who plays: the manifests of `examples/release`, and the names that they give to things on AWS.

use serde_json::Value;

/// The manifests, by their place in the repository, in the order in which kubectl reads the folder.
pub const MANIFESTS: [(&str, &str); 4] = [
    ("entry-point.yaml", include_str!("../../../../examples/release/entry-point.yaml")),
    ("environments.yaml", include_str!("../../../../examples/release/environments.yaml")),
    ("route.yaml", include_str!("../../../../examples/release/route.yaml")),
    ("shift.yaml", include_str!("../../../../examples/release/shift.yaml")),
];

/// Who plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The environments, in the order of the manifests.
    pub sides: Vec<Part>,
    /// The name of the shift.
    pub shift: String,
    /// The name of the route.
    pub route: String,
    /// Where its manifest wants the traffic: the first release.
    pub first: String,
    /// The balancer's name.
    pub balancer: String,
    /// The port of the listener that splits the traffic.
    pub port: u16,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The name of its target group.
    pub group: String,
}

/// All manifests as one text.
pub fn text() -> String {
    MANIFESTS.map(|(_, text)| text).join("\n---\n")
}

impl Cast {
    /// Reads the names out of manifests; the error names what was not found.
    pub fn of(manifests: &str) -> Result<Self, String> {
        let documents = weir_lab::manifest::parse(manifests)?;
        let one = |kind: &'static str| {
            let mut found = documents.iter().filter(|document| document["kind"] == kind);
            found.next().ok_or_else(|| format!("the manifests have no {kind}"))
        };
        let (entry_point, route, shift) = (one("EntryPoint")?, one("WeightedRoute")?, one("TrafficShift")?);
        let listener = &route["spec"]["listener"]["listener"];
        let listeners = entry_point["spec"]["listeners"].as_array().into_iter().flatten();
        let port = listeners.filter(|entry| entry["name"] == *listener).find_map(|entry| entry["port"].as_i64());
        let port = port.and_then(|port| u16::try_from(port).ok());
        Ok(Self {
            sides: documents
                .iter()
                .filter(|document| document["kind"] == "Environment")
                .map(Part::of)
                .collect::<Result<_, _>>()?,
            shift: word(&shift["metadata"]["name"], "the name of the TrafficShift")?,
            route: word(&route["metadata"]["name"], "the name of the WeightedRoute")?,
            first: word(&shift["spec"]["to"], "spec.to of the TrafficShift")?,
            balancer: word(&entry_point["spec"]["existing"]["name"], "spec.existing.name of the EntryPoint")?,
            port: port.ok_or_else(|| format!("the manifests have no port for the listener {listener}"))?,
        })
    }
}

impl Part {
    fn of(environment: &Value) -> Result<Self, String> {
        let group = &environment["spec"]["targetGroups"][0]["existing"]["name"];
        Ok(Self {
            name: word(&environment["metadata"]["name"], "the name of an Environment")?,
            group: word(group, "spec.targetGroups[0].existing.name of an Environment")?,
        })
    }
}

fn word(value: &Value, what: &str) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("the manifests do not give {what}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{Cast, MANIFESTS, text};

    #[test]
    fn the_whole_example_is_played() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/release");
        let kept: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "yaml"))
            .collect();
        assert_eq!(kept, MANIFESTS.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    #[test]
    fn everybody_is_named() {
        let cast = Cast::of(&text()).unwrap();
        let names: Vec<&str> = cast.sides.iter().map(|side| side.name.as_str()).collect();
        assert_eq!(names, ["blue", "green", "red"]);
        assert_eq!((cast.first.as_str(), cast.port), ("green", 443));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(Cast::of("kind: EntryPoint").unwrap_err(), "the manifests have no WeightedRoute");
    }
}
