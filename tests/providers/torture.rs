//! A small share of `torture providers`.

use esim_kiosk::sim::torture::providers::{Run, run};

#[test]
fn no_fault_at_no_point_buys_twice_or_loses_an_order_silently() {
    let report = run(&Run { seed: 1, size: Some(12) }).unwrap();
    let text = report.print();
    assert_eq!(report.mismatches, 0, "{text}");
    assert_eq!(report.cases, 4 * 2 * 12, "{text}");
    assert!(report.most_orders_per_sale <= 1, "{text}");
    assert!(text.lines().last().unwrap().starts_with('{'), "{text}");
}

#[test]
#[ignore = "the whole matrix: `cargo torture providers`"]
fn the_whole_matrix() {
    let report = run(&Run { seed: 1, size: None }).unwrap();
    println!("{}", report.print());
    assert_eq!(report.mismatches, 0);
}
