// Proof of the intake (hw_intake): two users of three positions, ids 0 to 4. Whatever is offered, a user's tokens get the positions 0, 1, 2
// in order; what does not exist or has no room is taken and dropped; each flag says so from then on, and not before.
module intake (
  input clk,
  input valid,
  input [2:0] id,
  input [1:0] user,
  input first,
  input want,
  input idle
);
  reg reset = 1;
  always @(posedge clk) reset <= 0;
  wire ready, start, context_full, bad_token;
  wire [1:0] pos;
  wire [4:0] header;
  hw_intake #(.USERS(2), .CONTEXT(3), .VOCAB(5), .IDW(3), .UW(2), .POSW(2)) dut (
    .clk(clk), .rst(reset), .valid(valid), .ready(ready), .id(id), .user(user), .first(first), .want(want), .idle(idle), .start(start),
    .pos(pos), .header(header), .context_full(context_full), .bad_token(bad_token)
  );
  reg [1:0] count0, count1;      // tokens each user has
  reg full, bad, started;
  reg [4:0] last;
  wire exists = id < 5 && user < 2;
  wire [1:0] count = first ? 0 : (user == 0) ? count0 : count1;
  wire taken = valid && ready && exists && count < 3;
  always @(posedge clk) begin
    if (taken && user == 0) count0 <= count + 1;
    if (taken && user == 1) count1 <= count + 1;
    if (taken) last <= {want, user, count};
    started <= started || taken;
    full <= full || (valid && ready && exists && count == 3);
    bad <= bad || (valid && ready && !exists);
    if (reset) begin
      count0 <= 0; count1 <= 0; full <= 0; bad <= 0; started <= 0;
    end
  end
  // Registers of the intake, joined by the script.
  (* keep *) wire [3:0] dut_next_pos_q;
  always @* if (!reset) begin
    assert (ready == idle);
    assert (start == taken);
    assert (!start || pos == count);
    assert (!started || header == last);
    assert (context_full == full);
    assert (bad_token == bad);
    assert (dut_next_pos_q == {count1, count0});
  end
endmodule
