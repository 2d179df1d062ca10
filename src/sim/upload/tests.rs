use super::*;

fn client(sink: &UploadSink) -> reqwest::Client {
    // Somebody else may have installed it already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let root = reqwest::Certificate::from_pem(sink.ca_pem().as_bytes()).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([root]).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(60)).build().unwrap()
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_whole_file_arrives_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let sink = UploadSink::start(0, folder.path()).unwrap();
    let client = client(&sink);
    let url = sink.url("/te/k07/bundle.tar.gz");
    assert_eq!(status(client.head(&url)).await, 404);
    assert_eq!(status(client.put(&url).bearer_auth("t").body(vec![7; 100_000])).await, 201);
    let upload = sink.uploads().remove(0);
    assert_eq!((upload.bytes, upload.complete, upload.path.as_str()), (100_000, true, "/te/k07/bundle.tar.gz"));
    assert_eq!(std::fs::read(&upload.file).unwrap(), vec![7; 100_000]);
    assert_eq!(upload.authorization.as_deref(), Some("Bearer t"));
    assert_eq!(status(client.put(&url).body("new")).await, 200);
    assert_eq!(client.get(&url).send().await.unwrap().text().await.unwrap(), "new");
    assert_eq!(status(client.delete(&url)).await, 204);
    assert!(sink.uploads().is_empty());
}

#[tokio::test]
async fn a_cut_upload_is_continued_where_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let sink = UploadSink::start(0, folder.path()).unwrap();
    let client = client(&sink);
    let url = sink.url("b.tar");
    let text: Vec<u8> = (0..200_000_u32).map(|byte| (byte % 251) as u8).collect();
    sink.fault(UploadFault::ResetAfter(70_000));
    assert!(client.put(&url).body(text.clone()).send().await.is_err());
    sink.until(|uploads| uploads.iter().any(|upload| upload.bytes == 70_000)).await;
    let head = client.head(&url).send().await.unwrap();
    let text_of = |answer: &reqwest::Response, name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((text_of(&head, "upload-offset").as_str(), text_of(&head, "upload-complete").as_str()), ("70000", "?0"));
    assert_eq!(status(client.get(&url)).await, 409);
    let ask = client.put(&url).header("content-range", "bytes */200000").send().await.unwrap();
    assert_eq!((ask.status().as_u16(), text_of(&ask, "range").as_str()), (308, "bytes=0-69999"));
    let piece = |first: usize, last: usize| {
        let range = format!("bytes {first}-{last}/200000");
        client.put(&url).header("content-range", range).body(text[first..=last].to_vec())
    };
    assert_eq!(status(piece(60_000, 99_999)).await, 416);
    assert_eq!(status(piece(70_000, 99_999)).await, 308);
    assert_eq!(status(piece(100_000, 199_999)).await, 201);
    let upload = sink.uploads().remove(0);
    assert!(upload.complete && upload.requests == 3);
    assert_eq!(std::fs::read(upload.file).unwrap(), text);
}

#[tokio::test]
async fn refusals_and_lost_answers() {
    let folder = tempfile::tempdir().unwrap();
    let sink = UploadSink::start(0, folder.path()).unwrap();
    let client = client(&sink);
    let put = || client.put(sink.url("f")).body("abc");
    sink.fault(UploadFault::Status(507));
    sink.fault(UploadFault::Redirect);
    sink.fault(UploadFault::ResetInsteadOfAnswer);
    sink.fault(UploadFault::CloseAfter(1));
    assert_eq!([status(put()).await, status(put()).await], [507, 307]);
    assert!(sink.uploads().is_empty());
    assert!(put().send().await.is_err());
    assert!(sink.uploads()[0].complete);
    assert!(put().send().await.is_err());
    assert_eq!((sink.uploads()[0].complete, sink.uploads()[0].bytes), (false, 1));
    sink.limit(Some(2));
    assert_eq!(status(put()).await, 413);
    assert_eq!(sink.requests(), 5);
}

#[test]
fn content_ranges() {
    let some = |first, total| Some(Part { first, total });
    assert_eq!(part("bytes 0-9/10"), some(Some(0), Some(10)));
    assert_eq!(part("bytes 5-9/*"), some(Some(5), None));
    assert_eq!(part("bytes */10"), some(None, Some(10)));
    for bad in ["", "bytes 9-5/10", "bytes 0-10/10", "items 0-1/2", "bytes a-b/c"] {
        assert_eq!(part(bad), None, "{bad}");
    }
}
