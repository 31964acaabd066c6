//! Which task of a flow is meant.

use std::rc::Rc;

use crate::defaults::{Map, Node, Path, Step, Value};
use crate::run::refusal::Refusal;

/// The lists of tasks that a flow has.
const FLOW_LISTS: [&str; 4] = ["tasks", "errors", "finally", "afterExecution"];
/// Where the tasks that hold others keep them.
const TASK_LISTS: [&str; 8] =
    ["tasks", "errors", "finally", "then", "else", "cases", "defaults", "task"];

/// A task and the flow that it stands in.
pub(crate) struct Selected<'a> {
    /// Its id.
    pub(crate) id: Rc<str>,
    /// Its type, as written.
    pub(crate) of_type: Rc<str>,
    /// Its properties.
    pub(crate) map: &'a Map,
    /// Where it stands in its flow.
    pub(crate) path: Path,
    /// The flow; the task itself where the file has nothing else.
    pub(crate) flow: &'a Map,
}

/// The task with this id, or the only one there is.
///
/// # Errors
/// Where there is none, or no telling which one.
pub(crate) fn select<'a>(
    flows: &'a [Node],
    id: Option<&str>,
    file: &str,
) -> Result<Selected<'a>, Refusal> {
    let mut all = Vec::new();
    for flow in flows.iter().filter_map(Node::map) {
        Walk { flow, path: Path::default(), found: &mut all }.flow();
    }
    let ids = || {
        let ids: Vec<&str> = all.iter().map(|task| &*task.id).collect();
        format!("its tasks are: {}", ids.join(", "))
    };
    let wanted = |task: &&Selected<'_>| id.is_none_or(|id| id == &*task.id);
    let count = all.iter().filter(wanted).count();
    let refusal = |what: String| Err(Refusal::coded("RF410", what));
    match (count, id) {
        (1, _) => {}
        (0, _) if all.is_empty() => {
            return refusal(format!("`{file}` has no task: no map with `id` and `type`"));
        }
        (0, Some(id)) => {
            return refusal(format!("`{file}` has no task `{id}`")).map_err(|no| no.note(ids()));
        }
        (_, Some(id)) => {
            return refusal(format!("`{file}` has {count} tasks `{id}`"))
                .map_err(|no| no.help("give each an id of its own"));
        }
        (_, None) => {
            return refusal(format!("`{file}` has {count} tasks, and no id says which one"))
                .map_err(|no| no.note(ids()).help(format!("name it: `ringfence task {file} ID`")));
        }
    }
    let at = all.iter().position(|task| wanted(&task)).unwrap_or_default();
    Ok(all.swap_remove(at))
}

struct Walk<'a, 'f> {
    flow: &'a Map,
    path: Path,
    found: &'f mut Vec<Selected<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn flow(&mut self) {
        let flow = self.flow;
        if is_task(flow).is_some() {
            self.map(flow);
        } else {
            self.lists(flow, &FLOW_LISTS);
        }
    }

    fn lists(&mut self, map: &'a Map, lists: &[&str]) {
        for (key, value) in map.iter().filter(|(key, _)| lists.contains(&&***key)) {
            self.beneath(Step::Key(Rc::clone(key)), value);
        }
    }

    fn beneath(&mut self, step: Step, value: &'a Node) {
        self.path.0.push(step);
        match &value.value {
            Value::Map(map) => self.map(map),
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.beneath(Step::Index(index), item);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
        self.path.0.pop();
    }

    /// A task, or what holds some: an entry of a `Dag`, the cases of a `Switch`.
    fn map(&mut self, map: &'a Map) {
        if let Some((id, of_type)) = is_task(map) {
            let path = self.path.clone();
            self.found.push(Selected { id, of_type, map, path, flow: self.flow });
            self.lists(map, &TASK_LISTS);
            return;
        }
        for (key, value) in map {
            self.beneath(Step::Key(Rc::clone(key)), value);
        }
    }
}

/// The id and the type of a task.
fn is_task(map: &Map) -> Option<(Rc<str>, Rc<str>)> {
    let text = |key: &str| map.get(key).and_then(Node::text).cloned();
    Some((text("id")?, text("type")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::document::Document;
    use crate::read::span::Source;

    fn found(text: &str, id: Option<&str>) -> Result<String, String> {
        let document = Document::read(&Source::new("flow.yaml", text)).expect("a flow");
        let flows: Vec<Node> =
            document.roots.iter().map(|&root| document.value(root).expect("a value")).collect();
        let selected = select(&flows, id, "flow.yaml");
        let selected = selected.map(|task| format!("{} {} {}", task.path, task.id, task.of_type));
        selected.map_err(|refusal| refusal.to_text())
    }

    const NESTED: &str = "
id: f
namespace: n
inputs: [{id: i, type: STRING}]
triggers: [{id: t, type: io.kestra.plugin.core.trigger.Schedule}]
tasks:
  - {id: a, type: T}
  - id: seq
    type: io.kestra.plugin.core.flow.Sequential
    tasks: [{id: b, type: T, env: {id: x, type: y}}]
  - id: switch
    type: io.kestra.plugin.core.flow.Switch
    cases: {one: [{id: c, type: T}]}
  - id: dag
    type: io.kestra.plugin.core.flow.Dag
    tasks: [{task: {id: d, type: T}, dependsOn: [a]}]
errors: [{id: e, type: T}]
";

    #[test]
    fn a_task_is_found_wherever_a_flow_has_tasks() {
        for (id, path) in [
            ("a", "tasks[0]"),
            ("b", "tasks[1].tasks[0]"),
            ("c", "tasks[2].cases.one[0]"),
            ("d", "tasks[3].tasks[0].task"),
            ("e", "errors[0]"),
        ] {
            assert_eq!(found(NESTED, Some(id)), Ok(format!("{path} {id} T")));
        }
    }

    #[test]
    fn what_only_looks_like_a_task_is_none() {
        for id in ["i", "t", "x", "f"] {
            let error = found(NESTED, Some(id)).expect_err("no task");
            assert!(error.contains(&format!("has no task `{id}`")), "{error}");
            assert!(error.contains("a, seq, b, switch, c, dag, d, e"), "{error}");
        }
    }

    #[test]
    fn the_only_task_needs_no_id() {
        assert_eq!(found("tasks: [{id: a, type: T}]", None), Ok("tasks[0] a T".into()));
        assert_eq!(found("{id: a, type: T}", None), Ok(" a T".into()));
        assert!(found(NESTED, None).expect_err("eight").contains("8 tasks"));
        assert!(found("tasks: []", None).expect_err("none").contains("no task"));
        let twice = "tasks: [{id: a, type: T}]\n---\ntasks: [{id: a, type: T}]\n";
        assert!(found(twice, Some("a")).expect_err("two").contains("2 tasks `a`"));
    }
}
