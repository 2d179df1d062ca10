//! Breadth first over all worlds that can be reached; then, backwards over the calm edges, whether each of them has
//! an exit.

use std::collections::HashMap;
use std::collections::VecDeque;

use super::key;
use super::moves::{Move, edges};
use super::promises;
use super::scene::Scene;
use super::world::{Broken, World};

/// What an enumeration found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Worlds.
    pub states: usize,
    /// Steps between them.
    pub edges: usize,
    /// The longest way to a new world.
    pub depth: u32,
    /// The space was larger than allowed: what was seen is sound, and the exits were not looked for.
    pub cut: bool,
    /// The first promise that was broken, in words, with the way to it.
    pub broken: Option<Trace>,
}

/// A way from the beginning to a broken promise.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Which promise.
    pub what: String,
    /// What happened, in order.
    pub way: Vec<String>,
}

#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    by: Move,
    died: bool,
    depth: u32,
}

/// Enumerates `scene`, at most `limit` worlds.
pub(super) fn enumerate(scene: &Scene, limit: usize) -> Found {
    let first = match opened(scene) {
        Ok(first) => first,
        Err(broken) => return Found { broken: Some(broken), ..Found::default() },
    };
    let mut seen: HashMap<u128, u32, std::hash::BuildHasherDefault<Plain>> = HashMap::default();
    let mut nodes = vec![Node { parent: 0, by: Move::Tick, died: false, depth: 0 }];
    seen.insert(key::of(&first), 0);
    let mut queue = VecDeque::from([(0_u32, first)]);
    let mut found = Found::default();
    // Calm edges backwards, as pairs (to, from), and who is resolved.
    let mut calm: Vec<(u32, u32)> = Vec::new();
    let mut resolved: Vec<bool> = Vec::new();
    while let Some((at, world)) = queue.pop_front() {
        if nodes.len() > limit {
            found.cut = true;
            break;
        }
        debug_assert_eq!(resolved.len(), at as usize);
        resolved.push(promises::is_resolved(&world, scene));
        let next = match edges(&world, scene) {
            Ok(next) => next,
            Err((by, Broken(what))) => {
                found.broken = Some(trace(scene, &nodes, at, Some(by), what));
                break;
            }
        };
        drop(world);
        for edge in next {
            found.edges += 1;
            let name = key::of(&edge.to);
            let new = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let to = *seen.entry(name).or_insert(new);
            if to == new {
                let depth = nodes[at as usize].depth + 1;
                found.depth = found.depth.max(depth);
                nodes.push(Node { parent: at, by: edge.by, died: edge.died, depth });
                queue.push_back((to, edge.to));
            }
            if edge.calm && to != at {
                calm.push((to, at));
            }
        }
    }
    found.states = nodes.len();
    if found.broken.is_none() && !found.cut {
        found.broken = without_exit(scene, &nodes, calm, resolved);
    }
    found
}

/// The world in which the enumeration begins.
fn opened(scene: &Scene) -> Result<World, Trace> {
    let mut world = World::new(scene);
    for (index, step) in scene.opening.iter().enumerate() {
        let stopped =
            |what: String| Trace { what, way: scene.opening[..index].iter().map(ToString::to_string).collect() };
        let next = edges(&world, scene).map_err(|(by, Broken(what))| stopped(format!("{by:?}: {what}")))?;
        let found = next.into_iter().find(|edge| !edge.died && format!("{:?}", edge.by) == *step);
        world = found.ok_or_else(|| stopped(format!("the scene cannot be opened: {step} is not possible here")))?.to;
    }
    Ok(world)
}

/// Some world from which nothing calm leads to an end.
fn without_exit(scene: &Scene, nodes: &[Node], mut calm: Vec<(u32, u32)>, mut ends: Vec<bool>) -> Option<Trace> {
    calm.sort_unstable();
    calm.dedup();
    let mut open: Vec<u32> = (0..).zip(&ends).filter(|(_, ends)| **ends).map(|(at, _)| at).collect();
    while let Some(to) = open.pop() {
        let first = calm.partition_point(|(known, _)| *known < to);
        for (_, from) in calm[first..].iter().take_while(|(known, _)| *known == to) {
            if !ends[*from as usize] {
                ends[*from as usize] = true;
                open.push(*from);
            }
        }
    }
    let stuck = ends.iter().position(|ends| !ends)?;
    Some(trace(scene, nodes, u32::try_from(stuck).unwrap_or(u32::MAX), None, "no calm way leads to an end".to_owned()))
}

fn trace(scene: &Scene, nodes: &[Node], at: u32, last: Option<Move>, what: String) -> Trace {
    let mut way: Vec<String> = last.iter().map(|by| format!("{by:?}")).collect();
    let mut at = at as usize;
    while at != 0 {
        let Node { by, died, .. } = nodes[at];
        way.push(format!("{by:?}{}", if died { ", and the program dies" } else { "" }));
        at = nodes[at].parent as usize;
    }
    way.extend(scene.opening.iter().rev().map(ToString::to_string));
    way.reverse();
    Trace { what, way }
}

/// The keys are hashes already.
#[derive(Default)]
pub(super) struct Plain(u64);

impl std::hash::Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = (value >> 64) as u64 ^ value as u64;
    }
}
