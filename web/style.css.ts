import { STYLE as REPORT_STYLE } from '../reports/style.css.ts';
import { WEEKLY_STYLE } from '../reports/weekly/render/style.css.ts';

/** The look of the report, and what only pages with a menu and forms need. */
export const STYLE = `${REPORT_STYLE}${WEEKLY_STYLE}
.hidden{position:absolute;left:-999rem}
header.top{display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;align-items:center;padding-top:.9rem;border-bottom:1px solid var(--rule);padding-bottom:.6rem}
header.top nav{border:0;margin:0;padding:0;font-size:.95rem}
header.top p{margin:0}
.brand a{font-weight:700;color:var(--text);text-decoration:none}
nav a[aria-current],.tabs a[aria-current],.aside a[aria-current]{color:var(--text);font-weight:650;text-decoration:none}
ul.aside{display:flex;flex-wrap:wrap;gap:.2rem .9rem;list-style:none;margin:0 0 0 auto;padding:0;font-size:.875rem;align-items:center}
main{padding-top:1.5rem}
main h1{font-size:1.5rem;color:var(--text);font-weight:680}
ul.tabs,ul.saved{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:.8rem 0;padding:0}
form.query{display:flex;gap:.6rem;margin:.2rem 0 .6rem}
form.query input{flex:1 1 auto;min-width:0}
input,select,textarea,button{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--muted);border-radius:.4rem;padding:.45rem .65rem}
input[type=search]{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.95rem}
textarea{width:100%;max-width:40rem}
button{cursor:pointer;background:var(--panel);font-weight:600}
a.button{display:inline-block;color:inherit;text-decoration:none;border:1px solid var(--muted);border-radius:.4rem;padding:.45rem .65rem;background:var(--panel);font-weight:600}
button:hover,a.button:hover{border-color:var(--text)}
button.link{border:0;background:none;padding:.1rem .3rem;font-weight:400;color:var(--link);text-decoration:underline}
form.inline{display:inline}
form.fields{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end;margin:.7rem 0}
form.fields label{display:flex;flex-direction:column;font-size:.875rem;color:var(--muted);max-width:100%}
form.fields label select{max-width:100%}
form.sign-in{display:grid;gap:.9rem;max-width:20rem}
form.sign-in label{display:grid;font-size:.9rem;color:var(--muted)}
ul.problems,p.problems{border-left:3px solid var(--alarm);padding:.3rem .9rem;margin:.6rem 0;list-style:none;color:var(--alarm)}
.bad{color:var(--alarm)}
.found{font-weight:650;margin-top:1rem}
.columns{display:grid;grid-template-columns:13rem 1fr;gap:0 2rem;align-items:start;margin-top:1rem}
.columns>*{min-width:0}
.facet{margin:0 0 1.1rem}
.facet h2{font-size:.875rem;color:var(--muted);font-weight:500}
.facet ul{list-style:none;margin:0;padding:0;font-size:.875rem}
.facet .not{text-decoration:none;padding:0 .35rem}
.bars-over-time{margin-top:.6rem}
.bars-over-time .fill-failed{fill:var(--alarm)}
.bars-over-time a:focus-visible .hit{fill:var(--text);fill-opacity:.15}
.ends{display:flex;justify-content:space-between;margin:.15rem 0;max-width:none}
table.sessions td,table.sessions th{font-size:.875rem;padding-right:.9rem;overflow-wrap:normal}
table.sessions .address{white-space:nowrap}
@media (min-width:80rem){main.wide{max-width:82rem}}
.lanes-body{display:grid;grid-template-columns:max-content 1fr;gap:0 .8rem;border:1px solid var(--rule);border-radius:.5rem;padding:.7rem .9rem .3rem;margin-top:.4rem}
.lane-names{list-style:none;margin:0;padding:0;font-size:.8125rem;color:var(--muted)}
.lane-names li{height:26px;line-height:26px}
.lane-names li:first-child{height:30px;line-height:26px}
svg.chart .lane{stroke:var(--rule);stroke-width:1}
svg.chart .dot{fill:var(--link);stroke:var(--bg);stroke-width:1.5}
svg.chart .stalled{stroke:var(--alarm);stroke-width:2}
svg.chart text.phase-name{fill:var(--text);paint-order:stroke;stroke:var(--bg);stroke-width:3px}
mark{background:var(--watch);color:var(--bg);border-radius:2px}
.setting code{background:var(--panel);padding:.15rem .35rem;border-radius:.25rem}
table.evidence td:first-child{max-width:0;width:100%}
@media (max-width:46rem){
.columns{grid-template-columns:1fr}
.columns aside{order:2;columns:2;margin-top:1.5rem}
.facet{break-inside:avoid}
ul.aside{margin-left:0}
}
`;
