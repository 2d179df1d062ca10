//! What must be gone: by kind, in every shape it was seen or imagined in.

use super::{REDACTOR, judge};
use crate::sale::claim::ClaimCode;

#[test]
fn activation_codes_and_matching_ids() {
    judge(&[
        ("got LPA:1$smdp.io$K2-ABC-DEF from mobilexy", &["K2-ABC-DEF"], &["got LPA:1$", "from mobilexy"]),
        ("lpa:1$smdp.io$QWERTY1$1.3.6.1$1", &["QWERTY1"], &[]),
        ("https://x.io/q?carddata=LPA%3A1%24smdp.io%24SECRET7", &["SECRET7"], &["https://x.io/q?"]),
        ("carddata=LPA%3A1%24smdp.io%24SECRET7 for K07-000123", &["SECRET7"], &["for K07-000123"]),
        ("code 1$rsp.truphone.com$JQ-209U6H-6I82J5, done", &["JQ-209U6H"], &["code 1$", "done"]),
        ("smdp.io$K2-1ABCDE was sent", &["K2-1ABCDE"], &["was sent"]),
        ("rsp-eu.redteamobile.com$04BPBK6Q90 refused: 8.8.5", &["04BPBK6Q90"], &["refused: 8.8.5"]),
        ("smdp.io%24K2-1ABCDE", &["K2-1ABCDE"], &[]),
        ("LPA:1\\u0024smdp.io\\u0024K2-UNI", &["K2-UNI"], &[]),
        (r#"{"matchingId":"ABC-1234","x":1}"#, &["ABC-1234"], &[r#"{"matchingId":""#, r#"","x":1}"#]),
        (r#"matching_id: Some("ZZTOP-11"), good: 0"#, &["ZZTOP-11"], &["Some(", "), good: 0"]),
        (r#"{\"activationCode\":\"GHI-777\",\"plan\":\"eu\"}"#, &["GHI-777"], &[r#"\"plan\":\"eu\""#]),
        (r#""LPA:1$smdp.io$AB-CD""#, &["AB-CD"], &[]),
        ("matching id QR-1A2B-3C of order 17", &["QR-1A2B-3C"], &["of order 17"]),
        ("matchingId QR-1A2B-3C of order 17", &["QR-1A2B-3C"], &["of order 17"]),
        ("the matching id is QR1A2B3C.", &["QR1A2B3C"], &["the matching id is "]),
        ("activation code 'QR-77X-9' sent", &["QR-77X-9"], &["sent"]),
        ("<matchingId>QR-1A2B</matchingId><state>ok</state>", &["QR-1A2B"], &["</matchingId><state>ok</state>"]),
        ("<es:MatchingID type=\"x\">QR-1A2B</es:MatchingID>", &["QR-1A2B"], &["</es:MatchingID>"]),
        ("matching-id: QR-1A2B\nplan: eu-5gb-30d", &["QR-1A2B"], &["plan: eu-5gb-30d"]),
        (r#""smdpAddressAndCode": "smdp.io$X9-AB""#, &["X9-AB"], &[]),
        ("confirmation_code=4711 iccid=8943108170000000007", &["4711"], &["iccid=8943108"]),
        (r#"qrCodeUrl='https:\/\/qr.example\/LPA-77-XYZ' state=1"#, &["LPA-77-XYZ"], &["state=1"]),
    ]);
}

#[test]
fn named_secrets_in_documents() {
    judge(&[
        (
            "password = \"correct horse battery staple\"",
            &["correct", "horse", "battery", "staple"],
            &["password = \"", "\""],
        ),
        ("password = \"ab)SECRETTAIL\"\nlabel = \"K07\"", &["ab)", "SECRETTAIL"], &["label = \"K07\""]),
        ("password = \")SECRETALL\"", &["SECRETALL"], &[]),
        ("password = \"nullSECRET5\"", &["nullSECRET5", "SECRET5"], &[]),
        ("password = \"trueSECRET\"", &["SECRET"], &[]),
        (
            "password = \"x&y,TAIL;MORE}END]\" # of the terminal",
            &["x&y", "TAIL", "MORE", "END"],
            &["# of the terminal"],
        ),
        ("password=x&y,TAIL status=401", &["x&y", "TAIL"], &["status=401"]),
        ("password=nullSECRET5 status=401", &["SECRET5"], &["status=401"]),
        ("password=ab)SECRETTAIL status=401", &["ab)", "SECRETTAIL"], &["status=401"]),
        ("password = 'it is ''quoted'", &["it is"], &[]),
        ("password = \"say \\\"SECRET one\\\" twice\"\nx = 1", &["SECRET one", "twice"], &["x = 1"]),
        ("password = \"ends in a slash\\\\\"\nx = \"y\"", &["slash"], &["x = \"y\""]),
        (
            "password = \"\"\"\nfirst SECRET\nsecond SECRET\n\"\"\"\nlabel = \"K07\"",
            &["first", "second", "SECRET"],
            &["label = \"K07\""],
        ),
        ("token = '''\nraw SECRET\n'''\nx = 1", &["raw", "SECRET"], &["x = 1"]),
        ("password:\n  deep SECRET\n  deeper\nlabel: K07", &["SECRET", "deeper"], &["label: K07"]),
        ("token: |\n  line SECRET one\n  line two\nplan: eu", &["SECRET", "line two"], &["plan: eu"]),
        ("tokens:\n- first1SECRET\n- second\nplan: eu", &["first1SECRET", "second"], &["plan: eu"]),
        ("  password: plain words SECRET\n  user: kiosk", &["plain words", "SECRET"], &["user: kiosk"]),
        ("- password: plain words SECRET\n- user: kiosk", &["plain words", "SECRET"], &["user: kiosk"]),
        ("# password = old words SECRET\n# user = kiosk", &["old words", "SECRET"], &["user = kiosk"]),
        (r#"{"secret":["x-SECRET","y-SECRET"],"state":"done"}"#, &["x-SECRET", "y-SECRET"], &[r#""state":"done""#]),
        (
            r#"{"secret":{"inner":["x-SECRET"],"n":{"y":"SECRET2"}},"state":"done"}"#,
            &["x-SECRET", "SECRET2"],
            &[r#""state":"done""#],
        ),
        (
            "{\n  \"tokens\": [\n    \"x-SECRET\",\n    \"y-SECRET\"\n  ],\n  \"state\": \"done\"\n}",
            &["x-SECRET", "y-SECRET"],
            &["\"state\": \"done\""],
        ),
        (
            "{\n  \"token\":\n    \"x-SECRET words\",\n  \"state\": \"done\"\n}",
            &["x-SECRET", "words"],
            &["\"state\": \"done\""],
        ),
    ]);
}

#[test]
fn secrets_under_names_of_every_form() {
    judge(&[
        (r#"{"token" : "x SECRET" , "plan" : "eu"}"#, &["SECRET"], &[r#""plan" : "eu""#]),
        (r#"{"userPassword":"x y SECRET","apiToken":"zz SECRET"}"#, &["SECRET"], &["userPassword", "apiToken"]),
        (r#"{"mobilexy_api_key":"aa bb","wifiPassphrase":"cc dd","psk":"ee ff"}"#, &["aa bb", "cc dd", "ee ff"], &[]),
        (
            r#"{"clientSecretValue":"aa bb","password2":"cc dd","tokenString":"ee ff"}"#,
            &["aa bb", "cc dd", "ee ff"],
            &[],
        ),
        (r#"{"pin":1234,"amount":990,"puk1":"87654321"}"#, &["1234", "87654321"], &["\"amount\":990"]),
        ("{pin:1234,amount:990}", &["1234"], &["amount:990"]),
        (
            r#""{\\\"accessToken\\\":\\\"jkl 888\\\",\\\"plan\\\":\\\"eu\\\"}""#,
            &["jkl 888"],
            &[r#"\\\"plan\\\":\\\"eu\\\""#],
        ),
        (r#"MESSAGE="call key=\"a\" password=\"two words\" plan=\"eu\"""#, &["two words"], &[r#"plan=\"eu\""#]),
        (
            r#"{"MESSAGE":"login password=\"two words\" plan=\"eu\"","PRIORITY":"6"}"#,
            &["two words"],
            &["\"PRIORITY\":\"6\""],
        ),
        (
            r#"{\u0022password\u0022:\u0022two words\u0022,\u0022plan\u0022:\u0022eu\u0022}"#,
            &["two words"],
            &[r#"\u0022plan\u0022:\u0022eu\u0022"#],
        ),
        ("user=kiosk&password=hunter%202&state=1", &["hunter"], &["user=kiosk&", "&state=1"]),
        ("%22password%22%3A%22two%20words%22%2C%22plan%22%3A%22eu%22", &["two%20words"], &["%22plan%22%3A%22eu%22"]),
        ("password%3Dhunter2%26state%3D1", &["hunter2"], &["%26state%3D1"]),
    ]);
}

#[test]
fn named_secrets_in_markup_and_debug() {
    judge(&[
        ("<password>two words</password><plan>eu</plan>", &["two words"], &["</password><plan>eu</plan>"]),
        ("<input name=\"csrf_token\" value=\"two words\"/> ok", &["two words"], &["/> ok"]),
        (
            "Login { user: \"kiosk\", password: \"two words\", state: Open }",
            &["two words"],
            &["user: \"kiosk\"", "state: Open }"],
        ),
        ("Login { password: Some(\"two words\"), state: Open }", &["two words"], &["state: Open }"]),
        ("Login { password: Password(\"two words\"), state: Open }", &["two words"], &["state: Open }"]),
        ("Login { token: Token { inner: \"two words\", left: 3 }, state: Open }", &["two words"], &["state: Open }"]),
        ("Login { secret: [18, 52, 86], state: Open }", &["18, 52, 86"], &["state: Open }"]),
        ("Login { secret: b\"two words\", state: Open }", &["two words"], &["state: Open }"]),
        (
            "Login {\n    password: Some(\n        \"two words\",\n    ),\n    state: Open,\n}",
            &["two words"],
            &["state: Open"],
        ),
        ("Config { pin: 1234, state: Open }", &["1234"], &["state: Open }"]),
        ("headers[\"x-api-key\"] = \"two words\"; next()", &["two words"], &["; next()"]),
        ("$config['db_password'] => 'two words',", &["two words"], &[]),
        ("wpa_passphrase=two-words2 channel=6", &["two-words2"], &["channel=6"]),
        ("psk=\"two words\" key_mgmt=WPA-PSK", &["two words"], &["key_mgmt=WPA-PSK"]),
        ("Ki: 465B5CE8B199B49FAA5F0A2EE238A6BC", &["465B5CE8B199B49F"], &[]),
        ("\"cvv\":\"737\",\"amount\":\"9.90\"", &["737"], &["\"amount\":\"9.90\""]),
        ("claim: 7qk3m9x2h", &["7qk3m9x2h"], &["claim: "]),
    ]);
}

#[test]
fn headers() {
    judge(&[
        ("Authorization: Bearer abcDEF123456789", &["abcDEF123456789"], &["Authorization: "]),
        ("Authorization: ApiKey KEY-OF-OURS", &["KEY-OF-OURS"], &["Authorization: "]),
        ("authorization: hunter2\nhost: x", &["hunter2"], &["host: x"]),
        (
            "Authorization: Digest username=\"u1\", realm=\"r\", response=\"6629fae4\", opaque=\"5ccc\"",
            &["6629fae4", "5ccc"],
            &[],
        ),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIDEX/2026, Signature=fe5f80", &["fe5f80", "AKIDEX"], &[]),
        ("Proxy-Authorization: Basic dTpw", &["dTpw"], &["Proxy-Authorization: "]),
        ("Cookie: first=ONE1; second=TWO2; third=THREE3\nAccept: */*", &["ONE1", "TWO2", "THREE3"], &["Accept: */*"]),
        ("Set-Cookie: sid=ONE1; Path=/; HttpOnly", &["ONE1"], &["Set-Cookie: "]),
        ("x-api-key: 9f8e7d6c", &["9f8e7d6c"], &["x-api-key: "]),
        (
            r#""Authorization: ApiKey KEY1\r\nx-api-key: 9f8e7d6c\r\nAccept: */*""#,
            &["KEY1", "9f8e7d6c"],
            &[r"\r\nAccept: */*"],
        ),
        (r#"message="sent Authorization: ApiKey KEY1 now" status=401"#, &["KEY1"], &["status=401"]),
        (
            r#"{"evidence":"sent Cookie: a=ONE1; b=TWO2","kind":"order_unknown"}"#,
            &["ONE1", "TWO2"],
            &[r#""kind":"order_unknown"}"#],
        ),
        (r#"{"authorization": "ApiKey KEY1", "host": "api.example"}"#, &["KEY1"], &[r#""host": "api.example"}"#]),
        (r#"[("authorization", "ApiKey KEY1"), ("host", "api.example")]"#, &["KEY1"], &[r#"("host", "api.example")]"#]),
        (
            r#"{"name":"Authorization","value":"ApiKey KEY1"},{"name":"Host","value":"x"}"#,
            &["KEY1"],
            &[r#"{"name":"Host","value":"x"}"#],
        ),
        ("curl -H 'Authorization: ApiKey KEY1' https://api.example/v2", &["KEY1"], &["https://api.example/v2"]),
        ("authorization=ApiKey KEY1 status=401", &["KEY1"], &["status=401"]),
        ("said token: Bearer abc1 is sent", &["abc1"], &["is sent"]),
        ("RT-AccessCode: aa11bb", &["aa11bb"], &[]),
        ("RT-Signature: aa11bb22", &["aa11bb22"], &[]),
    ]);
}

#[test]
fn secrets_in_a_sentence() {
    judge(&[
        ("login with password hunter2 refused", &["hunter2"], &["login with password ", " refused"]),
        ("the token 9f8e7d6c was refused", &["9f8e7d6c"], &["was refused"]),
        ("token is 9f8e7d6c", &["9f8e7d6c"], &["token is "]),
        ("password \"correct horse\" is wrong", &["correct horse"], &["is wrong"]),
        ("password `Pa55word!` is wrong", &["Pa55word"], &["is wrong"]),
        ("api key sk-12AB34 refused", &["sk-12AB34"], &["refused"]),
        ("secret K2XYZ9, good", &["K2XYZ9"], &[", good"]),
        ("claim code 7QK-3M9-X2X", &["7QK-3M9-X2X"], &[]),
        ("pin 123456 refused", &["123456"], &["refused"]),
    ]);
}

#[test]
fn tokens_and_keys_by_their_look() {
    judge(&[
        ("api_key=sk_live_12345678&x=1", &["12345678"], &["&x=1"]),
        ("said sk_live_12345678 to it", &["12345678"], &["to it"]),
        ("the answer was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln ok", &["eyJzdWIiOiIxIn0", "c2ln"], &["ok"]),
        ("jwt_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", &["eyJzdWIiOiIxIn0"], &[]),
        ("key 0123456789abcdef0123456789abcdef01 refused", &["0123456789abcdef"], &["refused"]),
        ("word aB3dE5fG7hI9jK1lM3nO5pQ7 refused", &["aB3dE5fG7hI9jK1l"], &["refused"]),
        (
            "blob MIIEvQIBADANBgkq/hkiG9w0BAQEFAASCBKcwggSj+AgEAAoIBAQC7VJTUt9Us8cKj",
            &["MIIEvQIBADANBgkq", "VJTUt9Us8cKj"],
            &["blob "],
        ),
        ("AKIAIOSFODNN7EXAMPLE is known", &["IOSFODNN7"], &["is known"]),
        ("Basic dXNlcjpwYXNzd29yZA== sent", &["dXNlcjpwYXNzd29yZA"], &["sent"]),
        ("mqtts://kiosk:hunter22@broker.example", &["hunter22"], &["mqtts://", "@broker.example"]),
        (r"https:\/\/kiosk:hunter22@broker.example\/x", &["hunter22"], &["broker.example"]),
        ("PUT https://s3.example/b?X-Amz-Signature=abcd 403", &["abcd"], &["https://s3.example/b?", " 403"]),
        (r#"{"url":"https:\/\/s3.example\/b?k=a\/bcd","n":1}"#, &["bcd"], &[r#"","n":1}"#]),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\nafter", &["MIIEvQ"], &["after"]),
        (r"-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ\n-----END RSA PRIVATE KEY-----\nafter", &["MIIEvQ"], &["after"]),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----", &["b3Blbn"], &[]),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQdGBG\n-----END PGP PRIVATE KEY BLOCK-----", &["lQdGBG"], &[]),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIEvQ cut off", &["MIIEvQ"], &[]),
    ]);
}

#[test]
fn card_digits() {
    assert_eq!(REDACTOR.clean("card 4761739001010119 ok"), "card …0119 ok");
    assert_eq!(REDACTOR.clean("4761 7390 0101 0119"), "…0119");
    assert_eq!(REDACTOR.clean("Nr. 476173xxxxxx0119"), "Nr. …0119");
    assert_eq!(REDACTOR.clean("Nr. 4761********0119"), "Nr. …0119");
    judge(&[
        ("track ;4761739001010119=22122011143804400000?", &["4761739001010119", "2212201"], &["track ;"]),
        ("%B4761739001010119^DOE/JANE^22122011143804400000?", &["4761739", "JANE", "2212201"], &[]),
        ("PAN: 4761739001010118", &["476173900101"], &["PAN: "]),
        (r#""cardNumber":"4761739001010118","x":1"#, &["476173900101"], &["\"x\":1"]),
        ("amex 378282246310005", &["37828224631"], &["0005"]),
        ("amex 3782-822463-10005", &["822463"], &["0005"]),
        ("4761739001010119x", &["476173900101"], &["0119x"]),
        ("x4761739001010119", &["476173900101"], &["x", "0119"]),
        ("ref_4761739001010119_1", &["476173900101"], &["ref_", "0119_1"]),
        ("4761.7390.0101.0119 ok", &["7390.0101"], &["0119 ok"]),
        ("4761-7390-0101-0119 ok", &["7390-0101"], &["0119 ok"]),
        ("4761\u{a0}7390\u{a0}0101\u{a0}0119", &["7390\u{a0}0101"], &["0119"]),
        ("4761  7390  0101  0119", &["7390  0101"], &["0119"]),
        ("4761 - 7390 - 0101 - 0119", &["7390 - 0101"], &["0119"]),
        ("4761%207390%200101%200119", &["7390%200101"], &["0119"]),
        ("4761+7390+0101+0119", &["7390+0101"], &["0119"]),
        ("4 7 6 1 7 3 9 0 0 1 0 1 0 1 1 9", &["4 7 6 1 7 3 9 0"], &[]),
        ("47617390 01010119", &["47617390"], &["0119"]),
        ("9 4761739001010119 978", &["476173900101"], &["9 ", " 978"]),
        ("2026 4761 7390 0101 0119 1226", &["7390 0101"], &["2026 ", "1226"]),
        ("22 F0 F8 47 61 73 90 01 01 01 19", &["47 61 73 90"], &["22 F0 F8"]),
        (
            "\u{ff14}\u{ff17}\u{ff16}\u{ff11}\u{ff17}\u{ff13}\u{ff19}\u{ff10}\u{ff10}\u{ff11}\u{ff10}\u{ff11}\u{ff10}\u{ff11}\u{ff11}\u{ff19}",
            &["\u{ff14}\u{ff17}\u{ff16}\u{ff11}"],
            &[],
        ),
        (r#""said\n4761739001010119\nend""#, &["476173900101"], &[r"said\n", r"\nend"]),
    ]);
}

#[test]
fn people() {
    judge(&[
        ("mail to jane.doe+esim@mail.example.com failed", &["jane.doe", "mail.example"], &["mail to ", " failed"]),
        ("mail=jane%40mail.example.com&x=1", &["jane", "mail.example"], &["mail=", "&x=1"]),
        ("jane@b\u{fc}cher.example wrote", &["jane", "cher.example"], &["wrote"]),
        ("j\u{fc}rgen@mail.example wrote", &["rgen@", "mail.example"], &["wrote"]),
        (
            "\u{30b8}\u{30a7}\u{30fc}\u{30f3}@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8} wrote",
            &["\u{30b8}\u{30a7}"],
            &["wrote"],
        ),
        (r"j\u00e4ne@b\u00fccher.example wrote", &["ne@", "cher.example"], &["wrote"]),
        ("jane@xn--bcher-kva.xn--p1ai wrote", &["jane", "xn--"], &["wrote"]),
        (r#"{"to":"jane\u0040mail.example.com"}"#, &["jane", "mail.example"], &[r#"{"to":""#]),
        ("jane (at) mail.example.com, jane[at]mail[dot]example", &["jane", "mail.example", "mail[dot]"], &[]),
        ("\"jane doe\"@mail.example.com", &["jane doe"], &[]),
        ("jane@[192.168.1.7]", &["jane"], &[]),
        ("<jane@mail.example.com>", &["jane"], &["<", ">"]),
        ("call +43 660 1234567 now", &["1234567", "660"], &["call +43", " now"]),
        ("call 0043 660 1234567 now", &["1234567"], &[" now"]),
        ("call +1 (415) 555-2671 now", &["415", "2671"], &[" now"]),
        ("call +436601234567x now", &["6601234567"], &[" now"]),
        ("to=%2B436601234567&x", &["6601234567"], &["&x"]),
        ("+43\u{a0}660\u{a0}1234567", &["1234567"], &[]),
        ("+43.660.1234567", &["1234567"], &[]),
        (r#""\u002B436601234567""#, &["6601234567"], &[]),
        ("call 0660 1234567 now", &["1234567"], &[" now"]),
        ("call 0660/1234567 now", &["1234567"], &[" now"]),
        ("call 06601234567 now", &["6601234567"], &[" now"]),
        ("call 010-1234-5678 now", &["1234-5678"], &[" now"]),
        ("call 090-1234-5678, now", &["1234-5678"], &[", now"]),
        ("call (415) 555-2671 now", &["415", "555-2671"], &[" now"]),
        ("call 415-555-2671 now", &["555-2671"], &[" now"]),
        ("call 415.555.2671.", &["555.2671"], &[]),
        ("call (0660) 123 45 67 now", &["123 45 67"], &[" now"]),
        (r#""phone":"6601234567""#, &["6601234567"], &["\"phone\":\""]),
        (r#""customerPhone":"6601234567","plan":"eu""#, &["6601234567"], &["\"plan\":\"eu\""]),
        (r#""customer_phone_number": "660 123 4567""#, &["660 123"], &[]),
        (r#""phone":{"number":"6601234567","kind":"mobile"}"#, &["6601234567"], &["\"kind\":\"mobile\""]),
        (r#""phone":{"country":"43","number":"6601234567"}"#, &["6601234567"], &[]),
        (r#"{\"phone\":\"6601234567\"}"#, &["6601234567"], &[]),
        ("tel. 660 1234567 rang", &["1234567"], &["rang"]),
        ("tel:6601234567", &["6601234567"], &["tel:"]),
        ("msisdn=436601234567 state=1", &["6601234567"], &["state=1"]),
    ]);
}

#[test]
fn claim_codes() {
    let code = ClaimCode::from_random([0x3d, 0x5e, 0x31, 0xa7, 0x4c]);
    let plain = code.grouped().replace('-', "");
    let groups = [&plain[..3], &plain[3..6], &plain[6..]];
    let single: Vec<String> = plain.chars().map(String::from).collect();
    let mut forms: Vec<String> = ["-", "\u{2013}", " ", "\u{a0}", "  ", " - ", ".", "/", "_", "+", "%20", "%2D", ""]
        .iter()
        .map(|between| groups.join(between))
        .collect();
    forms.push(single.join(" "));
    forms.extend([code.grouped().to_lowercase(), groups.join(" ").to_lowercase()]);
    forms.push(code.grouped().replace('0', "O").replace('1', "I"));
    for form in &forms {
        for line in [
            format!("typed {form} twice"),
            format!("\"{form}\""),
            format!("typed=\"{form}\" x=1"),
            format!("\\n{form}\\n"),
            format!("({form})."),
        ] {
            let cleaned = REDACTOR.clean(&line);
            assert!(!cleaned.contains(form.as_str()), "{form:?} stayed in {cleaned:?}");
            assert!(cleaned.contains(GONE_SIGN), "{cleaned:?}");
        }
    }
}

/// What a reader sees.
const GONE_SIGN: &str = "•••";
