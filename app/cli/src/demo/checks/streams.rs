//! TCP, and that the laptop is told the truth about it.

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use hawser_sandbox::plan::{self, Service};

use super::Found;
use super::probe::{PATIENCE, Page, SILENCE, connect, connect_fails, get, list, resolve, trying};
use crate::output::units;

/// Round trips measured, and how long at most that may take.
const ROUND_TRIPS: usize = 500;
const MEASURING: Duration = Duration::from_secs(1);

pub(super) fn web_by_name() -> Found {
    let name = plan::WEB.full_name();
    let address = *resolve(&name)?.first().ok_or("it has no address")?;
    let page = fetch((address, plan::HTTP_PORT).into(), &name)?;
    expect(&page, &plan::WEB)?;
    Ok(format!("http://{name} answered: {}", page.text))
}

pub(super) fn web_by_address() -> Found {
    let mut pages = plan::WEB.addresses().map(|address| {
        let page = fetch((address, plan::HTTP_PORT).into(), &address.to_string())?;
        expect(&page, &plan::WEB)
    });
    pages.try_for_each(|page| page)?;
    Ok(format!("{} answered", list(&plan::WEB.addresses().collect::<Vec<_>>())))
}

pub(super) fn kept_alive() -> Found {
    let mut connection = BufReader::new(connect((plan::WEB.v4[0], plan::HTTP_PORT).into())?);
    for _ in 0..10 {
        let page = get(&mut connection, "web")?;
        expect(&page, &plan::WEB)?;
    }
    Ok("ten requests on one connection".to_owned())
}

pub(super) fn closed_by_server() -> Found {
    let mut connection = BufReader::new(connect((plan::PLAIN.v4[0], plan::HTTP_PORT).into())?);
    let page = get(&mut connection, "plain")?;
    expect(&page, &plan::PLAIN)?;
    match connection.read(&mut [0]) {
        Ok(0) if page.closes => Ok("the page, then the end of the stream".to_owned()),
        Ok(_) => Err("the stream did not end after the page".to_owned()),
        Err(error) => Err(format!("the stream ended badly: {error}")),
    }
}

pub(super) fn two_addresses() -> Found {
    let addresses = resolve(plan::PAIR.name)?;
    let expected = plan::PAIR.addresses().count();
    if addresses.len() != expected {
        return Err(format!("{} is {}, {expected} addresses were expected", plan::PAIR.name, list(&addresses)));
    }
    for address in &addresses {
        let page = fetch((*address, plan::HTTP_PORT).into(), plan::PAIR.name)?;
        expect(&page, &plan::PAIR)?;
        if !page.text.contains(&address.to_string()) {
            return Err(format!("{address} was asked, and the answer came from elsewhere: {}", page.text));
        }
    }
    Ok(format!("{} each answered for themselves", list(&addresses)))
}

pub(super) fn six() -> Found {
    let addresses = resolve(plan::SIX.name)?;
    let [address] = addresses.as_slice() else { return Err(format!("it is {}", list(&addresses))) };
    let page = fetch((*address, plan::HTTP_PORT).into(), plan::SIX.name)?;
    expect(&page, &plan::SIX)?;
    Ok(format!("[{address}] answered"))
}

pub(super) fn refused() -> Found {
    for address in plan::WEB.addresses() {
        connect_fails((address, plan::REFUSED_PORT).into(), PATIENCE, &[ErrorKind::ConnectionRefused])?;
    }
    Ok(format!("port {} of {} refused, as it does in the cluster", plan::REFUSED_PORT, plan::WEB.name))
}

pub(super) fn unreachable() -> Found {
    let honest = [ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable];
    for address in plan::GONE.addresses() {
        connect_fails((address, plan::HTTP_PORT).into(), PATIENCE, &honest)?;
    }
    Ok(format!("{} unreachable", list(&plan::GONE.addresses().collect::<Vec<_>>())))
}

pub(super) fn silent() -> Found {
    connect_fails((plan::SILENT.v4[0], plan::HTTP_PORT).into(), SILENCE, &[ErrorKind::TimedOut])?;
    Ok(format!("nothing from {}, neither yes nor no", plan::SILENT.v4[0]))
}

pub(super) fn half_close() -> Found {
    let mut stream = connect((plan::ECHO.v4[0], plan::ECHO_PORT).into())?;
    let sent: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
    let mut writer = stream.try_clone().map_err(trying("copying a socket"))?;
    let (result, received) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut received = Vec::new();
            stream.read_to_end(&mut received).map(|_| received)
        });
        let written = writer.write_all(&sent).and_then(|()| writer.shutdown(Shutdown::Write));
        (written, reader.join())
    });
    result.map_err(trying("sending"))?;
    let received = received.map_err(|_| "the reader failed")?.map_err(trying("reading after the own end"))?;
    if received != sent {
        return Err(format!("{} bytes came back of {}, or others", received.len(), sent.len()));
    }
    Ok("100 kB came back after the sender's end".to_owned())
}

pub(super) fn reset() -> Found {
    let mut stream = connect((plan::ECHO.v4[0], plan::RESET_PORT).into())?;
    stream.write_all(b"x").map_err(trying("sending"))?;
    match stream.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok("reset by the server, reset here".to_owned()),
        Err(error) => Err(format!("the stream ended otherwise: {error}")),
        Ok(_) => Err("the stream ended without a reset".to_owned()),
    }
}

pub(super) fn latency() -> Found {
    let mut stream = connect((plan::ECHO.v4[0], plan::ECHO_PORT).into())?;
    let began = Instant::now();
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    while times.is_empty() || (times.len() < ROUND_TRIPS && began.elapsed() < MEASURING) {
        let sent = Instant::now();
        stream.write_all(b"x").map_err(trying("sending"))?;
        stream.read_exact(&mut [0]).map_err(trying("reading"))?;
        times.push(sent.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
    }
    times.sort_unstable();
    let (middle, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    Ok(format!(
        "{} for a byte there and back, {} for the slowest of a hundred",
        units::latency(middle),
        units::latency(late)
    ))
}

fn fetch(address: std::net::SocketAddr, host: &str) -> Result<Page, String> {
    let stream: TcpStream = connect(address)?;
    get(&mut BufReader::new(stream), host).map_err(trying(address))
}

fn expect(page: &Page, service: &Service) -> Result<(), String> {
    if page.text.starts_with(&service.full_name()) { Ok(()) } else { Err(format!("another page: {}", page.text)) }
}
