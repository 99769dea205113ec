# The packages that are linked into these programs, the programs included, by name and version (of the answer of `cargo metadata`).
def linked($programs):
  (.resolve.nodes | map({(.id): [.deps[] | select(any(.dep_kinds[]; .kind == null)).pkg]}) | add) as $deps
  | [.packages[] | select(.source == null and (.name | IN($programs[]))).id] as $begin
  | ({seen: {}, next: $begin}
     | until(.next == []; .seen += (.next | map({(.): true}) | add) | .seen as $seen | .next |= ([$deps[.[]][]] | unique | map(select($seen[.] | not))))
     | .seen) as $seen
  | [.packages[] | select($seen[.id])] | sort_by(.name, .version);
