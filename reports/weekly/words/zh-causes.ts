import type { FailureLabel } from '../weekly-report.ts';

export interface CauseText {
  readonly title: string;
  readonly meaning: string;
  /** What to do in general; the exact setting stands beside it. */
  readonly remedy: string;
}

export const CAUSES_ZH: Readonly<Record<FailureLabel, CauseText>> = {
  'network.packet_loss': {
    title: '网络路径丢包',
    meaning: '数据要反复重传，握手和命令一直拖到有一方放弃为止。',
    remedy: '先查上行链路的接口错误和双工设置，再从两端运行 mtr，找出在哪里丢包。',
  },
  'network.path_flap': {
    title: '网络路径瞬时中断',
    meaning: '许多会话在同一时刻停顿，几秒后恢复或被重置。',
    remedy:
      '核对停顿时刻的路由或链路变化（路由协议日志、链路状态、主备切换）；路由器之间启用 BFD（RFC 5880）可在一秒内发现此类故障。',
  },
  'network.qos_starvation': {
    title: '其他流量占满带宽',
    meaning: '链路本身正常，但邮件被大流量挤占，传输过慢。',
    remedy: '为邮件单独设置队列，或限制同一链路上的大流量；使排队延迟保持在毫秒级。',
  },
  'network.client_vanished': {
    title: '客户端不告而别',
    meaning: '设备休眠或换了网络，遗留的连接最后由定时器关闭。',
    remedy: '服务器没有问题。缩短保活间隔可以更早发现，也能保持 NAT 表项。',
  },
  'server.pool_exhausted': {
    title: '服务器连接数已满',
    meaning: '达到进程数或客户端数上限，新连接只能等待、被拒绝，或把旧连接挤掉。',
    remedy: '先用 doveadm who 查明谁占着连接，再提高上限，并保留三成余量。',
  },
  'server.auth_slow': {
    title: '登录验证过慢',
    meaning: '服务器一直在等认证后端，直到客户端放弃。',
    remedy: '先查明密码库（LDAP、SQL 或 PAM）为什么慢，再考虑增加认证进程。',
  },
  'server.tls_misconfig': {
    title: '服务器 TLS 配置有误',
    meaning: '较新的客户端也无法完成握手：证书、证书链、域名或协议设置有问题。',
    remedy: '检查监听端口实际发出的证书：有效期、域名和证书链；把完整的证书链写入证书文件后重新加载。',
  },
  'server.idle_timeout': {
    title: '空闲连接被定时器关闭',
    meaning: '连接静默的时长恰好等于某个已知定时器的设定值。',
    remedy: '把该定时器调到 30 分钟以上：RFC 9051（5.4）允许 IMAP 会话静默这么久。不要缩短 Dovecot 自身的 30 分钟。',
  },
  'server.storage_slow': {
    title: '邮件存储过慢',
    meaning: '命令在等待锁、索引或磁盘。',
    remedy: '查明谁占着邮箱锁、存储为何变慢（doveadm log errors、iostat -x、NFS 统计）；把索引放到本地磁盘会有帮助。',
  },
  'client.legacy_tls': {
    title: '旧客户端只支持过时的 TLS',
    meaning: '客户端只会用服务器理应拒绝的旧协议版本。',
    remedy: '升级邮件客户端；实在无法升级时才临时放开旧版本，时间越短越好。',
  },
  'client.stale_token': {
    title: '客户端反复使用过期令牌',
    meaning: '客户端不去换取新令牌，于是一再登录失败。',
    remedy: '请用户重新登录一次，让客户端取得新令牌。',
  },
  'client.no_auth': {
    title: '客户端连上后不登录',
    meaning: '连接建立后一直空着，直到登录定时器到时。',
    remedy: '检查客户端的账户设置，或查明它是哪个监控或扫描程序。',
  },
  'client.too_many_connections': {
    title: '客户端开的连接过多',
    meaning: '达到单个用户或单个地址的连接数上限。',
    remedy: '用 doveadm who 查明该用户的哪个客户端开了这么多连接；确实都需要时再提高上限。',
  },
  'client.protocol_error': {
    title: '客户端发送无效命令',
    meaning: '服务器无法识别的命令太多，于是断开了连接。',
    remedy: '多半是协议或端口设错，或客户端版本有缺陷；可用 rawlog 查看它发送了什么。',
  },
  'security.waf_false_positive': {
    title: 'WAF 误拦正常请求',
    meaning: 'Web 应用防火墙的一条规则拦下了真实用户的令牌或登录请求。',
    remedy: '看过被拦的请求之后，只针对这条规则、这个路径和命中的变量添加排除项。',
  },
  'security.rate_limit': {
    title: '限速或封禁误伤用户',
    meaning: '封禁、请求限速或防洪策略把正常用户挡在了门外。',
    remedy: '许多人可能共用一个地址：提高该地址的限额，或把已知网络列为例外。',
  },
  'security.vpn_down': {
    title: 'VPN 隧道中断',
    meaning: '隧道重启、重新协商密钥失败或租约改变，切断了其中的会话。',
    remedy: '查看两端的 VPN 日志，找出隧道为何断开；缩短保活间隔，让两端更早察觉。',
  },
  'security.vpn_bottleneck': {
    title: 'VPN 隧道过慢',
    meaning: '经隧道的会话缓慢，而直连的会话正常。',
    remedy: '查明什么占满了隧道：让大流量绕行（分离隧道），或扩大容量。',
  },
  'security.attack': {
    title: '攻击与扫描（已挡住）',
    meaning: '猜密码、扫描和注入：属于真正的攻击，不计入失败。',
    remedy: '没有用户受影响。确认来源地址已被封禁，涉及的账户密码足够强。',
  },
  unexplained: {
    title: '原因不明',
    meaning: '尝试失败了，而现有日志说明不了原因。',
    remedy: '补上缺少的日志来源，下一次才有机会查明。',
  },
};
