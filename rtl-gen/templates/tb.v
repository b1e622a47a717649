// Testbench of the whole chip. Reads +prompt=FILE, a token a line: user, id, first, want; feeds every output back until each user
// has +new=N of them; +reset=N resets the chip in cycle N and starts again. Prints a line an output and a line each of its greatest logits, cycles counted from the first acceptance.
module hardwire_tb
`ifdef VERILATOR
  (input clk);
`else
  ;
  reg clk = 0;
  always #1 clk = !clk;
`endif
  localparam MOST = 65536;
  reg [31:0] p_user [0:MOST-1], p_id [0:MOST-1];
  reg p_first [0:MOST-1], p_want [0:MOST-1];
  integer left [0:{{ users - 1 }}];
  reg [31:0] q_user [0:{{ users }}], q_id [0:{{ users }}];
  integer count, at, new_tokens, file, got, u, i, f, w, expected, outputs, limit, quiet, q_head, q_tail;
  string name;
  reg [63:0] cycle, zero;
  reg started, direct;
  reg [3:0] resetting;
  reg rst;
  // A host that takes each output +late=N cycles after it came, and offers tokens up to +gap=N cycles apart.
  integer late, gap, held_for, pause, reset_at;
  reg [15:0] noise;
  wire out_ready = held_for >= late;
  reg in_valid, in_first, in_want;
  reg [{{ idw }}-1:0] in_id;
  reg [{{ uw }}-1:0] in_user;
  wire in_ready, out_valid, context_full, bad_token, overflow, top_valid, logits_valid;
  wire [{{ idw }}-1:0] out_id, top_id;
  wire signed [{{ lb }}-1:0] out_logit, top_logit;
  wire [{{ v * lb }}-1:0] logits_data;
  wire [{{ topw }}-1:0] top_rank;
  wire [{{ uw }}-1:0] out_user;
  wire [{{ posw }}-1:0] out_pos;

  hardwire_chip chip (
    .clk(clk), .rst(rst), .token_in_valid(in_valid), .token_in_ready(in_ready), .token_in_id(in_id), .token_in_user(in_user),
    .token_in_first(in_first), .token_in_want(in_want), .token_out_valid(out_valid), .token_out_ready(out_ready), .token_out_id(out_id),
    .token_out_logit(out_logit), .token_out_user(out_user), .token_out_pos(out_pos), .logits_valid(logits_valid), .logits_data(logits_data),
    .top_valid(top_valid), .top_rank(top_rank), .top_id(top_id), .top_logit(top_logit), .context_full(context_full), .bad_token(bad_token), .overflow(overflow)
  );

{{ links|code }}
  hw_watch_tokens #(.USERS({{ users }}), .CONTEXT({{ context }}), .VOCAB({{ vocab }}), .V({{ v }}), .LB({{ lb }}), .K({{ k }})) watch (
    .clk(clk), .rst(rst), .in_valid(in_valid), .in_ready(in_ready), .in_id(in_id), .in_user(in_user), .in_first(in_first), .in_want(in_want),
    .out_valid(out_valid), .out_ready(out_ready), .out_id(out_id), .out_logit(out_logit), .out_user(out_user), .out_pos(out_pos),
    .logits_valid(logits_valid), .logits_data(logits_data), .top_valid(top_valid), .top_rank(top_rank), .top_id(top_id), .top_logit(top_logit),
    .context_full(context_full), .bad_token(bad_token), .overflow(overflow)
  );

  initial begin
    if (!$value$plusargs("prompt=%s", name)) name = "prompt.txt";
    if (!$value$plusargs("new=%d", new_tokens)) new_tokens = 16;
    if (!$value$plusargs("limit=%d", limit)) limit = 50000000;
    if (!$value$plusargs("late=%d", late)) late = 0;
    if (!$value$plusargs("gap=%d", gap)) gap = 0;
    if (!$value$plusargs("reset=%d", reset_at)) reset_at = 0;
    held_for = 0;
    pause = 0;
    noise = 16'hace1;
    for (u = 0; u < {{ users }}; u = u + 1) left[u] = new_tokens;
    count = 0;
    expected = 0;
    file = $fopen(name, "r");
    if (file == 0) begin
      $display("error cannot open the prompt file");
      $finish;
    end else begin
      got = $fscanf(file, "%d %d %d %d", u, i, f, w);
      while (got == 4 && count < MOST) begin
        p_user[count] = u;
        p_id[count] = i;
        p_first[count] = f != 0;
        p_want[count] = w != 0;
        if (w != 0) expected = expected + (u < 0 ? 0 : 1);
        count = count + 1;
        got = $fscanf(file, "%d %d %d %d", u, i, f, w);
      end
      $fclose(file);
    end
    at = 0;
    outputs = 0;
    quiet = 0;
    q_head = 0;
    q_tail = 0;
    cycle = 0;
    zero = 0;
    started = 0;
    resetting = 0;
    rst = 1;
    in_valid = 0;
    in_first = 0;
    in_want = 0;
    in_id = 0;
    in_user = 0;
  end

  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (resetting != 15) resetting <= resetting + 1;
    rst <= resetting != 15;
    quiet = quiet + 1;
    if (!rst) begin
      direct = 0;
      if (in_valid && in_ready && !started) begin
        started <= 1;
        zero <= cycle;
      end
      noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};
      held_for <= (out_valid && !out_ready) ? held_for + 1 : 0;
      if (pause > 0) pause = pause - 1;
      if (out_valid && out_ready) begin
        $display("token %0d id %0d logit %0d cycle %0d user %0d pos %0d", outputs, out_id, out_logit, cycle - zero, out_user, out_pos);
        outputs = outputs + 1;
        quiet = 0;
        left[out_user] = left[out_user] - 1;
        if (left[out_user] > 0) begin
          q_user[q_tail] = out_user;
          q_id[q_tail] = out_id;
          q_tail = (q_tail == {{ users }}) ? 0 : q_tail + 1;
        end
      end
      if (top_valid) $display("top %0d id %0d logit %0d cycle %0d", top_rank, top_id, top_logit, cycle - zero);
      if (!in_valid || in_ready) begin
        in_valid <= 0;
        in_first <= 0;
        if (pause > 0) quiet = 0;
        else if (at < count) begin
          in_valid <= 1;
          in_user <= p_user[at];
          in_id <= p_id[at];
          in_first <= p_first[at];
          in_want <= p_want[at];
          at = at + 1;
          quiet = 0;
          if (gap > 0) pause = noise % gap;
        end else if (q_head != q_tail) begin
          in_valid <= 1;
          in_user <= q_user[q_head];
          in_id <= q_id[q_head];
          in_want <= 1;
          q_head = (q_head == {{ users }}) ? 0 : q_head + 1;
          quiet = 0;
        end
      end
      // Nothing is under way: every token has come out, or the context is full.
      if (quiet > {{ idle_cycles }} || cycle > limit) begin
        if (quiet > {{ idle_cycles }} && watch.outstanding != 0) $display("error watch: %0d tokens got no output", watch.outstanding);
        $display("flags overflow %0d context_full %0d bad_token %0d cycles %0d", overflow, context_full, bad_token, cycle - zero);
        $finish;
      end
      // In mid-token, as a host might: all that was given is void.
      if (reset_at != 0 && cycle == reset_at) begin
        $display("reset");
        resetting <= 0;
        rst <= 1;
        in_valid <= 0;
        started <= 0;
        held_for <= 0;
        noise <= 16'hace1;
        for (u = 0; u < {{ users }}; u = u + 1) left[u] = new_tokens;
        at = 0;
        outputs = 0;
        quiet = 0;
        pause = 0;
        q_head = 0;
        q_tail = 0;
      end
    end
  end
endmodule
{% include "watch_link.v" %}{% include "watch_tokens.v" %}
