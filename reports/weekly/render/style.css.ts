/** What the weekly report adds to the style of the pages: its charts, and type for Chinese. */
export const WEEKLY_STYLE = `
.weekly{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Noto Sans SC","WenQuanYi Micro Hei",sans-serif}
.weekly section{margin-top:2.4rem}
.weekly #gaps{margin-top:1rem}
.weekly #gaps h2{font-size:1rem;color:var(--muted);font-weight:500}
.weekly #answer{margin-top:1.6rem}
.weekly h3{margin-top:2rem}
.weekly .card h3{margin:0}
.weekly .card .value{font-size:1.45rem}
.weekly ul.note{padding-left:2rem}
.weekly .facts dt{min-width:8.5rem}
.weekly .facts dd{margin-bottom:.35rem;max-width:46rem}
.weekly .facts .line{margin-top:.2rem;color:var(--muted)}
.weekly code.inline{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;background:var(--panel);padding:.1rem .3rem;border-radius:.25rem;box-decoration-break:clone;-webkit-box-decoration-break:clone}
.weekly svg.clock{width:calc(100% - 3.4rem);margin-left:3.4rem}
.weekly svg.square{width:auto;max-width:100%;margin:.4rem 0}
.weekly svg .allowed{stroke:var(--alarm);stroke-dasharray:5 4;stroke-width:1.2}
.weekly svg .whisker{stroke:var(--muted);stroke-width:2}
.weekly svg .narrow{display:none}
.weekly svg .point{fill:var(--muted)}
.weekly svg .point.now{fill:var(--link);fill-opacity:.85}
:lang(zh).headline,:lang(zh) .headline{max-width:24em;letter-spacing:0}
@media (max-width:46rem){
.weekly svg.chart .minor,.weekly svg.chart .wide{display:none}
.weekly svg.chart .narrow{display:inline}
.weekly .facts dt:empty{display:none}
.weekly td[role=cell]:empty{display:none}
}
@media print{
@page{margin:14mm}
.weekly{font-size:9.5pt}
.weekly header{padding-top:0}
.weekly .headline{font-size:17pt}
.weekly .lead{font-size:11pt}
.weekly h2{font-size:13pt}
.weekly section{margin-top:1.4rem}
.weekly h3{margin-top:1rem}
.weekly .group,.weekly .short{break-inside:avoid}
.weekly thead{break-after:avoid}
.weekly .card{padding:.5rem .7rem}
.weekly .card .value{font-size:12pt}
.weekly .cards{gap:.5rem;margin-top:.6rem}
.weekly th,.weekly td{padding-top:.25rem;padding-bottom:.25rem}
.weekly figure details{display:none}
.weekly .cards{grid-template-columns:repeat(3,1fr)}
}
`;
