//! Results that take much room are in files that a version takes over as they are.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use arrow::array::{BinaryArray, GenericBinaryArray};
use engine::GcOptions;

use super::*;
use crate::fixture::{read, rows};

const UNIT: usize = 400;
const BYTES: usize = 100_000;

/// Block of bytes that a value tells, and its last byte; one of each, or two.
#[derive(Clone, Debug, Default)]
struct Draw {
    twice: bool,
    computed: Arc<AtomicUsize>,
    begun: Arc<Mutex<VecDeque<RecordBatch>>>,
}

fn image(value: i64) -> Vec<u8> {
    (0..BYTES).map(|at| (value as usize * 31 + at * at) as u8).collect()
}

impl Draw {
    fn stage(&self) -> Stage {
        let image = Field::new("image", DataType::Binary, true);
        let last = Field::new("last", DataType::Int64, true);
        Stage {
            function: Arc::new(self.clone()),
            arguments: vec![column("value")],
            results: vec![Arc::new(image), Arc::new(last)],
            options: UdfOptions { unit_rows: UNIT, ..UdfOptions::default() },
        }
    }

    fn computed(&self) -> usize {
        self.computed.swap(0, Ordering::SeqCst)
    }
}

impl BatchFunction for Draw {
    fn name(&self) -> &str {
        "draw"
    }

    fn shape(&self) -> Shape {
        if self.twice { Shape::Any } else { Shape::OnePerRow }
    }

    fn identity(&self) -> std::result::Result<Identity, String> {
        let (stage, code) = (format!("draw {}", self.twice), "code".to_owned());
        Ok(Identity { stage, code, ..Identity::default() })
    }

    fn start(&self) -> std::result::Result<Box<dyn RunningFunction>, FunctionFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl RunningFunction for Draw {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.lock().unwrap().push_back(arguments);
    }

    fn complete(&mut self, _stop: &Stop) -> std::result::Result<Answer, FunctionFailure> {
        let arguments = self.begun.lock().unwrap().pop_front().unwrap();
        let each = if self.twice { 2 } else { 1 };
        let (mut images, mut lasts, mut origins) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..arguments.num_rows() {
            let drawn = image(number(arguments.column(0), row));
            self.computed.fetch_add(1, Ordering::SeqCst);
            for _ in 0..each {
                lasts.push(i64::from(drawn[BYTES - 1]));
                images.push(drawn.clone());
                origins.push(u32::try_from(row).unwrap());
            }
        }
        let images: ArrayRef = Arc::new(BinaryArray::from_iter_values(&images));
        let lasts: ArrayRef = Arc::new(Int64Array::from(lasts));
        let rows = [("image", images, true), ("last", lasts, true)];
        let rows = RecordBatch::try_from_iter_with_nullable(rows).unwrap();
        let origins = self.twice.then(|| UInt32Array::from(origins));
        Ok(Answer { origins, ..Answer::one_per_row(rows) })
    }

    fn finish(&mut self) -> std::result::Result<(), FunctionFailure> {
        Ok(())
    }
}

/// Whether all images are those of the values beside them; these.
async fn drawn(chain: &Chain, name: &str) -> Vec<i64> {
    let rows = rows(chain).await;
    let values = rows["value"].as_primitive::<Int64Type>();
    let images: &GenericBinaryArray<i32> = rows[name].as_binary();
    for (value, image_of) in values.values().iter().zip(images) {
        assert_eq!(image_of, Some(&*image(*value)), "{value}");
    }
    values.values().to_vec()
}

fn files(root: &Place, name: &str) -> impl Iterator<Item = Metadata> {
    let files = fs::read_dir(root.path().join(format!("data/local/local/{name}.lance/data")));
    files.unwrap().map(|file| file.unwrap().metadata().unwrap())
}

/// How many files of a dataset kept results have too, and how many there are.
fn shared(root: &Place, name: &str) -> (usize, usize) {
    let links: Vec<u64> = files(root, name).map(|file| file.nlink()).collect();
    (links.iter().filter(|links| **links > 1).count(), links.len())
}

async fn save_as(chain: &Chain, name: &str) -> Saved {
    chain.save(request(chain.session(), name).await, &Arc::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_has_the_files_of_results() {
    let root = Place::on_disk();
    let function = Draw::default();
    let (_session, all) = numbers(&root, 1000).await;
    let saved = save_as(&all.map(function.stage()).unwrap(), "images").await;
    let saved_first = saved.record.version;
    assert_eq!((saved.record.rows, function.computed()), (1000, 1000));
    assert_eq!(drawn(&saved.chain, "image").await, (0..1000).collect::<Vec<_>>());
    let modes: BTreeSet<u32> = files(&root, "images").map(|file| file.mode()).collect();
    assert_eq!(modes.len(), 1, "{modes:?}");
    // Two units of 400 rows are shared, with a file of the values beside each; the last one is too small.
    assert_eq!(shared(&root, "images"), (2, 5));

    // Whole units of what is found are shared again; rows around them are written.
    let (session, more) = numbers(&root, 1500).await;
    let wanted = more.filter(&[compare("value", BinaryOp::Gt, 9)]).unwrap();
    let mapped = wanted.map(function.stage()).unwrap();
    let photo = NamedExpr { name: "photo".to_owned(), expr: column("image") };
    let named = mapped.mutate(&[photo]).unwrap();
    let saved =
        save_as(&named.select(&["photo".to_owned(), "value".to_owned()]).unwrap(), "photos").await;
    assert_eq!((saved.record.rows, function.computed()), (1490, 500));
    assert_eq!(drawn(&saved.chain, "photo").await, (10..1500).collect::<Vec<_>>());
    assert_eq!(shared(&root, "photos").0, 2);

    // Neither collector of garbage minds the other.
    let images = "images".parse().unwrap();
    session.catalog().remove_version(&images, saved_first).await.unwrap();
    let (ttl, results_ttl) = (Duration::ZERO, Duration::ZERO);
    let all = GcOptions { ttl, results_ttl, compact: false, dry_run: false };
    session.gc(all).await.unwrap();
    assert_eq!(shared(&root, "photos").0, 0);
    let session = session_on(&root).await;
    let photos = read(&session, "photos", "1.0.0").await.unwrap();
    assert_eq!(drawn(&photos, "photo").await, (10..1500).collect::<Vec<_>>());
}
