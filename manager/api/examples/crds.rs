//! Prints the resources' definitions as YAML: `cargo run -p hawser-api --example crds > installer/chart/files/crds.yaml`.

fn main() {
    print!("{}", serde_saphyr::to_string_multiple(&hawser_api::definitions()).expect("definitions are plain data"));
}
