//! A thread that makes things the UI wishes for. Each frame the UI says all it lacks; the worker makes the newest wish first, and
//! wishes that are no longer said are dropped. Nothing here knows what is made.

use egui::Context;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

struct Wishes<K> {
    /// Newest last.
    list: Vec<K>,
    doing: Option<K>,
    stop: bool,
}

type Shared<K> = Arc<(Mutex<Wishes<K>>, Condvar)>;

pub struct Worker<K, V> {
    shared: Shared<K>,
    done: Receiver<(K, V)>,
    thread: Option<thread::JoinHandle<()>>,
    wanted: HashSet<K>,
}

impl<K: Copy + Eq + Hash + Send + 'static, V: Send + 'static> Worker<K, V> {
    pub fn new(name: &str, ctx: Context, make: impl Fn(K) -> V + Send + 'static) -> Worker<K, V> {
        let wishes = Wishes { list: Vec::new(), doing: None, stop: false };
        let shared: Shared<K> = Arc::new((Mutex::new(wishes), Condvar::new()));
        let (send, done) = channel();
        let thread = thread::Builder::new().name(name.into()).spawn({
            let shared = shared.clone();
            move || serve(&shared, &send, &ctx, make)
        });
        Worker { shared, done, thread: thread.ok(), wanted: HashSet::new() }
    }

    /// Wished for in this frame.
    pub fn want(&mut self, k: K) {
        self.wanted.insert(k);
    }

    /// What has been made since, at most `most` things; wishes are forgotten.
    pub fn begin(&mut self, most: usize) -> Vec<(K, V)> {
        self.wanted.clear();
        self.done.try_iter().take(most).collect()
    }

    /// Hands over the wishes of this frame.
    pub fn end(&mut self) {
        let (lock, wake) = &*self.shared;
        let Ok(mut wishes) = lock.lock() else { return };
        wishes.list.retain(|k| self.wanted.contains(k));
        for k in &self.wanted {
            if wishes.doing != Some(*k) && !wishes.list.contains(k) {
                wishes.list.push(*k);
            }
        }
        wake.notify_one();
    }

    /// Things the last frame had to do without.
    pub fn missing(&self) -> usize {
        self.wanted.len()
    }
}

impl<K, V> Drop for Worker<K, V> {
    fn drop(&mut self) {
        let (lock, wake) = &*self.shared;
        if let Ok(mut wishes) = lock.lock() {
            wishes.stop = true;
        }
        wake.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<K: Copy, V>(shared: &Shared<K>, done: &Sender<(K, V)>, ctx: &Context, make: impl Fn(K) -> V) {
    let (lock, wake) = &**shared;
    loop {
        let Ok(mut wishes) = lock.lock() else { return };
        wishes.doing = None;
        let wish = loop {
            if wishes.stop {
                return;
            }
            if let Some(wish) = wishes.list.pop() {
                break wish;
            }
            match wake.wait(wishes) {
                Ok(guard) => wishes = guard,
                Err(_) => return,
            }
        };
        wishes.doing = Some(wish);
        drop(wishes);
        if done.send((wish, make(wish))).is_err() {
            return;
        }
        ctx.request_repaint();
    }
}
