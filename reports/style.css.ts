/**
 * The style of the report. Two palettes of the same names; layer colours keep 3:1 against the background and differ in lightness too,
 * so that they can be told apart without colour vision. Text colours keep 4.5:1.
 */
export const STYLE = `
:root{color-scheme:light dark;
--bg:#fff;--panel:#f6f7f9;--text:#1c2126;--muted:#5a646e;--rule:#dfe3e8;--link:#0b57a4;
--network:#2b6cb8;--server:#b85c00;--client:#0a7d74;--security:#8a3fa8;--unexplained:#6d7680;--attempts:#c3cad2;
--good:#1d7a3a;--watch:#8a6100;--alarm:#b42318}
@media (prefers-color-scheme:dark){:root{
--bg:#12161b;--panel:#1a2027;--text:#e4e8ec;--muted:#a0abb6;--rule:#2d353e;--link:#7db7f0;
--network:#5b9be0;--server:#e08a35;--client:#3fb3a8;--security:#c084dd;--unexplained:#98a2ad;--attempts:#46515c;
--good:#5dc47f;--watch:#e0b040;--alarm:#f5766a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:66rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.25rem}
footer{padding-top:1.5rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem}
h1,h2,h3,h4{line-height:1.25;margin:0;font-weight:650;text-wrap:balance}
h1{font-size:1rem;color:var(--muted);font-weight:500}
h2{font-size:1.35rem;margin-bottom:.35rem}
h3{font-size:1.05rem;margin:1.75rem 0 .5rem}
h4{font-size:.95rem;margin:1.1rem 0 .3rem}
p{margin:.4rem 0;max-width:44rem}
a{color:var(--link)}
section{margin-top:3rem}
.answer{margin-top:.6rem}
.headline{font-size:1.9rem;line-height:1.22;font-weight:680;letter-spacing:-.012em;max-width:30ch;margin:0 0 .8rem}
.lead{font-size:1.1rem;max-width:46rem}
.muted{color:var(--muted)}
.small{font-size:.875rem}
.number{font-variant-numeric:tabular-nums;white-space:nowrap}
nav{margin-top:1.5rem;padding:.6rem 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);font-size:.875rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:0;padding:0}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.3rem .6rem}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}

.cards{display:grid;grid-template-columns:repeat(3,1fr);gap:1rem;margin:1.5rem 0 0;padding:0;list-style:none}
.card{border:1px solid var(--rule);border-radius:.5rem;padding:.9rem 1.1rem}
.card h3{margin:0;font-size:.875rem;font-weight:500;color:var(--muted)}
.card .value{font-size:1.7rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.card .value.none{font-size:1.15rem;font-weight:500;color:var(--muted);padding:.35rem 0}
.card p{margin:.15rem 0;font-size:.8125rem;color:var(--muted)}
.level{font-size:.875rem;font-weight:600;white-space:nowrap}
.level svg{width:.7rem;height:.7rem;margin-right:.35rem;vertical-align:-.02rem;fill:currentColor}
.level-normal{color:var(--good)}.level-watch,.level-warning{color:var(--watch)}.level-alarm{color:var(--alarm)}.level-unknown{color:var(--muted)}

figure{margin:1.5rem 0 0}
figcaption{font-size:.9375rem;font-weight:600}
figcaption small{display:block;font-weight:400;font-size:.8125rem;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;margin:.35rem 0 .2rem;padding:0;font-size:.8125rem;color:var(--muted)}
.swatch{display:inline-block;width:.7rem;height:.7rem;border-radius:2px;margin-right:.4rem;vertical-align:-.05rem}
svg.chart{display:block;width:100%;overflow:visible;font-size:11px;font-family:inherit}
svg.clock{width:calc(100% - 2.9rem);margin-left:2.9rem}
svg.chart text{fill:var(--muted);font-variant-numeric:tabular-nums}
svg.chart text.name{fill:var(--text);font-size:12px}
svg.chart .grid{stroke:var(--rule);stroke-width:1;shape-rendering:crispEdges}
svg.chart .base{stroke:var(--muted);stroke-width:1;shape-rendering:crispEdges}
svg.chart .halo{paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}
svg.chart .hit{fill:transparent}
svg.chart .hit:hover{fill:var(--text);fill-opacity:.07}
.fill-network{fill:var(--network);background:var(--network)}.fill-server{fill:var(--server);background:var(--server)}
.fill-client{fill:var(--client);background:var(--client)}.fill-security{fill:var(--security);background:var(--security)}
.fill-unexplained{fill:var(--unexplained);background:var(--unexplained)}.fill-attempts{fill:var(--attempts);background:var(--attempts)}
.fill-track{fill:var(--rule)}
.incident{fill-opacity:.8}
.ink-network{color:var(--network)}.ink-server{color:var(--server)}.ink-client{color:var(--client)}.ink-security{color:var(--security)}.ink-unexplained{color:var(--unexplained)}

table{border-collapse:collapse;width:100%;font-size:.9375rem;margin-top:.9rem}
caption{text-align:left;font-size:.875rem;color:var(--muted);padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:.8125rem;font-weight:500;color:var(--muted);white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:500}
td.number,th.number{text-align:right}
th .code{font-weight:400;overflow-wrap:normal}
.todo code{box-decoration-break:clone;-webkit-box-decoration-break:clone}
.bar{width:45%;min-width:6rem}
.bar svg{display:block;width:100%;height:.8rem;margin-top:.32rem}
.time{font-variant-numeric:tabular-nums;white-space:nowrap}
.bars tbody th,.bars tbody td{border:0;padding-top:.2rem;padding-bottom:.2rem}
.bars tbody{border-bottom:1px solid var(--rule)}
.bars tbody .group th,.bars tbody .group td{padding-top:.8rem;font-weight:650}
.bars tbody tr:last-child>*{padding-bottom:.7rem}
.bars tbody .group .muted{font-weight:400}
.code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;color:var(--muted)}
.owner{white-space:nowrap}
.todo{font-size:.875rem;margin:.3rem 0 0;max-width:40rem}
.todo code,.remedy code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--panel);padding:.1rem .3rem;border-radius:.25rem}
.causes tbody>tr:first-child>*{border-bottom:0;padding-bottom:0}
.causes tbody>tr:last-child>*{padding-top:.1rem;padding-bottom:1rem}
.twocol{display:grid;grid-template-columns:1fr 1fr;gap:0 2.5rem}
.twocol>*{min-width:0}
.scroll{overflow-x:auto}

details{border:1px solid var(--rule);border-radius:.5rem;margin:.6rem 0}
summary{cursor:pointer;padding:.6rem .9rem;border-radius:.5rem}
summary:hover{background:var(--panel)}
.inside{padding:0 1rem 1rem}
details.plain{border:0;margin:.4rem 0}
details.plain>summary{padding:.3rem 0;color:var(--muted);font-size:.875rem}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.4rem 0;font-size:.9rem}
.facts dt{color:var(--muted)}.facts dd{margin:0}
ul.phases{list-style:none;margin:.2rem 0;padding:0;font-size:.8125rem}
.phases li{display:grid;grid-template-columns:9.5rem 1fr;align-items:center;padding:.12rem 0}
.phases svg{display:block;width:100%;height:12px}
ol.lines{list-style:none;margin:.3rem 0 0;padding:0}
ol.lines li{padding:.35rem 0;border-top:1px solid var(--rule);font-size:.8125rem}
.line{display:block;font:.78rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere;color:var(--text)}
ul.flow{margin:.3rem 0;padding-left:1.15rem}
ul.flow li{margin:.2rem 0}
.note{background:var(--panel);border-radius:.5rem;padding:.7rem 1rem;margin:.9rem 0;font-size:.9375rem}
.note p{margin:.2rem 0}

@media (max-width:46rem){
body{font-size:15.5px}
header,main,footer{padding-left:1rem;padding-right:1rem}
header{padding-top:1.25rem}
section{margin-top:2.3rem}
.headline{font-size:1.45rem}
.lead{font-size:1.02rem}
.cards{grid-template-columns:1fr;gap:.6rem}
.card{padding:.65rem .9rem}
.twocol{grid-template-columns:1fr}
svg.chart .minor{display:none}
.stack,.stack caption,.stack tbody,.stack tr,.stack td,.stack th{display:block;width:auto}
.stack thead{position:absolute;left:-999rem}
.stack tbody>tr:first-child{display:flex;flex-wrap:wrap;gap:0 1rem}
.stack tbody>tr:first-child>th{flex:1 0 100%}
.stack td,.stack th{padding:.1rem 0;border:0}
.stack td.number{text-align:left}
.stack td[data-label]::before{content:attr(data-label) " ";color:var(--muted);font-size:.8125rem}
.stack tbody{border-bottom:1px solid var(--rule);padding:.6rem 0}
.bars .bar{width:24%;min-width:3.5rem}
.bars thead .bar span{position:absolute;left:-999rem}
.facts{grid-template-columns:1fr}
.facts dd{margin-bottom:.3rem}
}
@media print{
:root{color-scheme:light;--bg:#fff;--panel:#f6f7f9;--text:#000;--muted:#4a525a;--rule:#ccd2d8;--link:#000;
--network:#2b6cb8;--server:#b85c00;--client:#0a7d74;--security:#8a3fa8;--unexplained:#6d7680;--attempts:#c3cad2;--good:#1d7a3a;--watch:#8a6100;--alarm:#b42318}
@page{margin:16mm}
body{font-size:10.5pt}
header,main,footer{max-width:none;padding:0}
nav,.skip{display:none}
section{margin-top:1.6rem}
figure,.card,tr,details,ol.lines li{break-inside:avoid}
h2,h3,h4,caption{break-after:avoid}
svg,.swatch{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details::details-content{content-visibility:visible;display:block;block-size:auto}
details[data-long]{break-inside:auto}
}
`;
